#include "retort/deploy/onnx_builder.h"

#include <onnx/onnx_pb.h>

#include <limits>

#include "retort/core/error.h"

namespace retort::deploy {

namespace {

constexpr int64_t kOpset = 17;  // the first with LayerNormalization
constexpr int64_t kIrVersion = 8;
constexpr int64_t kSmall = 16;  // elements

int32_t onnx_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return onnx::TensorProto::FLOAT;
    case at::kDouble:
      return onnx::TensorProto::DOUBLE;
    case at::kLong:
      return onnx::TensorProto::INT64;
    case at::kInt:
      return onnx::TensorProto::INT32;
    case at::kBool:
      return onnx::TensorProto::BOOL;
    default:
      throw Error(std::string("tensors of type ") + c10::toString(type) +
                  " are not written to ONNX");
  }
}

onnx::TensorProto to_proto(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().cpu().contiguous();
  onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(onnx_type(dense.scalar_type()));
  for (const int64_t size : dense.sizes()) proto.add_dims(size);
  proto.set_raw_data(dense.const_data_ptr(), dense.nbytes());
  return proto;
}

void describe(onnx::ValueInfoProto& value, const std::string& name,
              const std::vector<OnnxBuilder::Dimension>& shape) {
  value.set_name(name);
  auto* type = value.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (const auto& dimension : shape) {
    auto* proto = type->mutable_shape()->add_dim();
    if (const auto* size = std::get_if<int64_t>(&dimension)) proto->set_dim_value(*size);
    if (const auto* free_name = std::get_if<std::string>(&dimension))
      proto->set_dim_param(*free_name);
  }
}

void set_value(onnx::AttributeProto& proto, int64_t value) {
  proto.set_type(onnx::AttributeProto::INT);
  proto.set_i(value);
}

void set_value(onnx::AttributeProto& proto, double value) {
  proto.set_type(onnx::AttributeProto::FLOAT);
  proto.set_f(static_cast<float>(value));
}

void set_value(onnx::AttributeProto& proto, const std::string& value) {
  proto.set_type(onnx::AttributeProto::STRING);
  proto.set_s(value);
}

void set_value(onnx::AttributeProto& proto, const std::vector<int64_t>& values) {
  proto.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) proto.add_ints(value);
}

}  // namespace

OnnxBuilder::OnnxBuilder(const std::string& graph_name)
    : model_(std::make_unique<onnx::ModelProto>()) {
  model_->set_ir_version(kIrVersion);
  auto* opset = model_->add_opset_import();
  opset->set_domain("");
  opset->set_version(kOpset);
  model_->mutable_graph()->set_name(graph_name);
}

OnnxBuilder::~OnnxBuilder() = default;

void OnnxBuilder::input(const std::string& name, const std::vector<Dimension>& shape) {
  describe(*model_->mutable_graph()->add_input(), name, shape);
}

void OnnxBuilder::output(const std::string& edge, const std::string& name,
                         const std::vector<Dimension>& shape) {
  add_node("Identity", {edge}, {}, {name});
  describe(*model_->mutable_graph()->add_output(), name, shape);
}

void OnnxBuilder::metadata(const std::string& key, const std::string& value) {
  auto* entry = model_->add_metadata_props();
  entry->set_key(key);
  entry->set_value(value);
}

void OnnxBuilder::producer(const std::string& name, const std::string& version) {
  model_->set_producer_name(name);
  model_->set_producer_version(version);
}

std::string OnnxBuilder::initializer(const std::string& name, const at::Tensor& tensor) {
  *model_->mutable_graph()->add_initializer() = to_proto(name, tensor);
  return name;
}

std::string OnnxBuilder::constant(const at::Tensor& tensor) {
  if (tensor.numel() > kSmall) return initializer(fresh("constant"), tensor);
  const std::string content = to_proto("", tensor).SerializeAsString();
  const auto found = small_.find(content);
  if (found != small_.end()) return found->second;
  return small_[content] = initializer(fresh("constant"), tensor);
}

std::string OnnxBuilder::constant(double value) {
  return constant(at::scalar_tensor(value, at::kFloat));
}

std::string OnnxBuilder::constant(const std::vector<int64_t>& values) {
  return constant(at::tensor(values, at::kLong));
}

std::string OnnxBuilder::node(const std::string& type, const std::vector<std::string>& inputs,
                              const OnnxAttributes& attributes) {
  return node(type, inputs, attributes, 1).front();
}

std::vector<std::string> OnnxBuilder::node(const std::string& type,
                                           const std::vector<std::string>& inputs,
                                           const OnnxAttributes& attributes, size_t outputs) {
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs; ++i) names.push_back(fresh(type));
  add_node(type, inputs, attributes, names);
  return names;
}

void OnnxBuilder::add_node(const std::string& type, const std::vector<std::string>& inputs,
                           const OnnxAttributes& attributes,
                           const std::vector<std::string>& outputs) {
  auto* proto = model_->mutable_graph()->add_node();
  proto->set_op_type(type);
  proto->set_name(outputs.front());
  for (const std::string& input : inputs) proto->add_input(input);
  for (const std::string& output : outputs) proto->add_output(output);
  for (const auto& [name, value] : attributes) {
    auto* attribute = proto->add_attribute();
    attribute->set_name(name);
    std::visit([&](const auto& content) { set_value(*attribute, content); }, value);
  }
}

// No parameter's name begins with a slash.
std::string OnnxBuilder::fresh(const std::string& stem) {
  return "/" + stem + "_" + std::to_string(counts_[stem]++);
}

std::string OnnxBuilder::serialize() const {
  std::string bytes;
  if (model_->ByteSizeLong() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) ||
      !model_->SerializeToString(&bytes))
    throw Error("the model does not fit in an ONNX file, which holds 2 GB");
  return bytes;
}

}  // namespace retort::deploy
