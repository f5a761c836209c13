#include "retort/deploy/onnx_ops.h"

#include <torch/csrc/jit/ir/constants.h>

#include "retort/core/error.h"

namespace retort::deploy {

namespace jit = torch::jit;

namespace {

const OnnxTable& table() {
  static const OnnxTable all = [] {
    OnnxTable made;
    add_layer_ops(made);
    add_math_ops(made);
    add_shape_ops(made);
    return made;
  }();
  return all;
}

std::string kind_of(const jit::Node& node) { return node.kind().toQualString(); }

}  // namespace

OnnxTranslator::OnnxTranslator(OnnxBuilder& builder, const BatchTrace& trace,
                               const StateDict& names, const std::string& images)
    : builder_(builder), trace_(trace), images_(images) {
  for (const auto& [name, tensor] : names)
    names_.try_emplace(tensor.const_data_ptr(), name, tensor);
}

std::string OnnxTranslator::run() {
  const jit::Graph& graph = trace_.graph();
  edges_[graph.inputs().at(0)] = OnnxEdges(images_);
  for (const jit::Node* node : graph.nodes()) visit(*node);
  return edges(graph.outputs().at(0)).at(0);
}

void OnnxTranslator::visit(const jit::Node& node) {
  if (node.kind() == c10::prim::Constant) return;  // written where it is read
  if (node.kind() == c10::prim::ListConstruct) {
    if (node.output()->type()->isSubtypeOf(*c10::ListType::ofTensors())) {
      std::vector<std::string> items;
      for (const jit::Value* item : node.inputs()) items.push_back(edges(item).at(0));
      edges_[node.output()] = OnnxEdges(std::move(items));
    }
    return;  // numbers are read where they are used
  }
  if (node.kind() == c10::prim::ListUnpack) {
    const OnnxEdges& items = edges(node.input());
    for (size_t i = 0; i < node.outputs().size(); ++i)
      edges_[node.output(i)] = OnnxEdges(items.at(i));
    return;
  }
  const auto found = table().find(kind_of(node));
  if (found == table().end())
    throw Error("the operator " + kind_of(node) + " has no translation to ONNX", "",
                "add it to the tables of retort/deploy/onnx_ops.h");
  edges_[node.output()] = found->second(OnnxOp(*this, node));
}

const OnnxEdges& OnnxTranslator::edges(const jit::Value* value) {
  const auto found = edges_.find(value);
  if (found != edges_.end()) return found->second;
  return edges_[value] = OnnxEdges(constant_edge(value));
}

std::string OnnxTranslator::constant_edge(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  if (!constant)
    throw Error("'" + value->debugName() + "' of " + kind_of(*value->node()) +
                " is neither a tensor nor a constant");
  if (constant->isNone()) return "";
  if (constant->isScalar()) return builder_.constant(constant->toScalar().toDouble());
  if (!constant->isTensor())
    throw Error("a constant of type " + constant->tagKind() + " has no translation to ONNX");
  return constant_tensor(value);
}

// Constant folding turns a class token that is repeated for each image into a tensor with a batch
// dimension. It is written once and expanded again.
std::string OnnxTranslator::constant_tensor(const jit::Value* value) {
  at::Tensor tensor = jit::toIValue(value)->toTensor(),
             other = trace_.other_constant(value).toTensor();
  const std::vector<Extent> shape = trace_.shape(value);
  bool repeated = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].per_image) continue;
    const auto dimension = static_cast<int64_t>(i);
    const at::Tensor one = tensor.narrow(dimension, 0, 1);
    if (!at::equal(one.expand_as(tensor), tensor))
      throw Error("a constant tensor has other values for each image of the batch");
    tensor = one;
    other = other.narrow(dimension, 0, 1);
    repeated = true;
  }
  const bool same_memory = tensor.const_data_ptr() == other.const_data_ptr();  // the model's own
  if (!same_memory && !at::equal(tensor, other))
    throw Error("the values of a constant tensor depend on the batch");
  return repeated ? builder_.node("Expand", {tensor_edge(tensor), extents_edge(shape)})
                  : tensor_edge(tensor);
}

std::string OnnxTranslator::named_edge(const at::Tensor& tensor) {
  const auto found = names_.find(tensor.const_data_ptr());
  if (found == names_.end()) return "";
  const auto& [name, own] = found->second;
  const bool same_order =
      own.strides() == tensor.strides() || (own.is_contiguous() && tensor.is_contiguous());
  if (own.sizes() != tensor.sizes() || !same_order) return "";
  if (written_.insert(name).second) builder_.initializer(name, own);
  return name;
}

std::string OnnxTranslator::tensor_edge(const at::Tensor& tensor) {
  if (const std::string name = named_edge(tensor); !name.empty()) return name;
  // torch::nn::Linear multiplies with a transposed view of its weight.
  if (tensor.dim() == 2)
    if (const std::string name = named_edge(tensor.t()); !name.empty())
      return builder_.node("Transpose", {name}, {{"perm", std::vector<int64_t>{1, 0}}});
  return builder_.constant(tensor.is_floating_point() ? tensor.to(at::kFloat) : tensor);
}

std::string OnnxTranslator::extents_edge(const std::vector<Extent>& extents) {
  std::vector<int64_t> values;
  bool fixed = true;
  for (const Extent& extent : extents) {
    values.push_back(extent.value);
    fixed = fixed && !extent.per_image;
  }
  if (fixed) return builder_.constant(values);
  if (batch_.empty())
    batch_ = builder_.node("Shape", {images_}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
  std::vector<std::string> parts;
  for (const Extent& extent : extents) {
    const std::string value = builder_.constant(std::vector<int64_t>{extent.value});
    parts.push_back(extent.per_image ? builder_.node("Mul", {batch_, value}) : value);
  }
  return builder_.node("Concat", parts, {{"axis", int64_t{0}}});
}

void OnnxOp::fail(const std::string& what) const {
  throw Error("the operator " + kind_of(node_) + " has no translation to ONNX " + what);
}

c10::IValue OnnxOp::value(size_t i) const {
  if (i >= inputs()) fail("with " + std::to_string(inputs()) + " inputs");
  auto constant = jit::toIValue(node_.input(i));
  if (!constant) fail("when its input " + std::to_string(i) + " is computed");
  return *constant;
}

bool OnnxOp::given(size_t i) const {
  if (i >= inputs()) return false;
  const auto constant = jit::toIValue(node_.input(i));
  return !constant || !constant->isNone();
}

std::string OnnxOp::edge(size_t i) const {
  return i < inputs() ? translator_.edges(node_.input(i)).at(0) : "";
}

std::vector<std::string> OnnxOp::edges(size_t i) const { return translator_.edges(node_.input(i)); }

double OnnxOp::number(size_t i) const {
  const c10::IValue found = value(i);
  if (!found.isScalar()) fail("when its input " + std::to_string(i) + " is not a number");
  return found.toScalar().toDouble();
}

bool OnnxOp::flag(size_t i) const {
  const c10::IValue found = value(i);
  if (!found.isBool()) fail("when its input " + std::to_string(i) + " is not a flag");
  return found.toBool();
}

std::string OnnxOp::text(size_t i) const {
  const c10::IValue found = value(i);
  if (!found.isString()) fail("when its input " + std::to_string(i) + " is not a text");
  return found.toStringRef();
}

Extent OnnxOp::extent(size_t i) const {
  if (i >= inputs()) fail("with " + std::to_string(inputs()) + " inputs");
  return translator_.trace_.extents(node_.input(i)).at(0);
}

int64_t OnnxOp::whole(size_t i) const {
  const Extent found = extent(i);
  if (found.per_image) fail("when its input " + std::to_string(i) + " depends on the batch");
  return found.value;
}

std::vector<int64_t> OnnxOp::wholes(size_t i) const {
  if (i >= inputs()) fail("with " + std::to_string(inputs()) + " inputs");
  std::vector<int64_t> values;
  for (const Extent& found : translator_.trace_.extents(node_.input(i))) {
    if (found.per_image) fail("when its input " + std::to_string(i) + " depends on the batch");
    values.push_back(found.value);
  }
  return values;
}

int64_t OnnxOp::rank(size_t i) const {
  return static_cast<int64_t>(translator_.trace_.shape(node_.input(i)).size());
}

int64_t OnnxOp::axis(size_t i, int64_t dimension) const {
  return dimension < 0 ? dimension + rank(i) : dimension;
}

int64_t OnnxOp::size(size_t i, int64_t dimension) const {
  const Extent extent =
      translator_.trace_.shape(node_.input(i)).at(static_cast<size_t>(axis(i, dimension)));
  if (extent.per_image) fail("along the batch");
  return extent.value;
}

std::string OnnxOp::emit(const std::string& type, const std::vector<std::string>& inputs,
                         const OnnxAttributes& attributes) const {
  return translator_.builder_.node(type, inputs, attributes);
}

std::vector<std::string> OnnxOp::emit(const std::string& type,
                                      const std::vector<std::string>& inputs,
                                      const OnnxAttributes& attributes, size_t outputs) const {
  return translator_.builder_.node(type, inputs, attributes, outputs);
}

}  // namespace retort::deploy
