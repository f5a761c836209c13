// Implements graph_network.h with OpenVINO's C++ runtime.
#include <openvino/openvino.hpp>

#include <ATen/Parallel.h>

#include <fstream>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/models/pooled_features.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/registry.h"

namespace retort::models {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUsualSize = 224;

// OpenVINO's messages begin with lines about its own sources.
std::string last_line(const std::exception& error) {
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// OpenVINO tries to read a file that is not ONNX as other formats, with a message for each. An ONNX
// file begins with its version number, a field with protobuf's tag 8.
void check_onnx(const std::string& file) {
  constexpr uint64_t kStart = 16;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Error("cannot be read", file);
  std::string start(kStart, '\0');
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (stream.gcount() < static_cast<std::streamsize>(kStart) || start[0] != '\x08')
    throw Error("is no ONNX file", file);
}

std::shared_ptr<ov::Model> read_graph(ov::Core& core, const std::string& file) {
  if (fs::path(file).extension() == ".onnx") check_onnx(file);
  try {
    return core.read_model(file);
  } catch (const std::exception& error) {
    throw Error("is no graph that OpenVINO reads: " + last_line(error), file);
  }
}

// OpenVINO keeps the metadata of an ONNX file under `framework`.
std::optional<std::string> metadata_of(const ov::Model& graph, const std::string& key) {
  if (!graph.has_rt_info("framework", key)) return std::nullopt;
  return graph.get_rt_info<std::string>("framework", key);
}

ov::PartialShape input_shape(const ov::Model& graph, const std::string& file) {
  if (graph.inputs().size() != 1)
    throw Error(
        "has " + std::to_string(graph.inputs().size()) + " inputs, where a teacher has one: images",
        file);
  const ov::PartialShape shape = graph.input().get_partial_shape();
  const bool images = shape.rank().is_static() && shape.rank().get_length() == 4 &&
                      (shape[1].is_dynamic() || shape[1] == 3) &&
                      (graph.input().get_element_type() == ov::element::f32 ||
                       graph.input().get_element_type().is_dynamic());
  if (!images)
    throw Error("has an input of " + shape.to_string() + ", not [N, 3, height, width] of float32",
                file, "export it with channels before pixels, without a conversion from bytes");
  return shape;
}

int64_t fixed_side(const ov::PartialShape& shape) {
  return shape[2].is_static() && shape[2] == shape[3] ? shape[2].get_length() : 0;
}

// Whether the value does not depend on the image.
bool is_constant(const ov::Output<ov::Node>& value) {
  const ov::Node& node = *value.get_node();
  if (std::string(node.get_type_name()) == "Constant") return true;
  const ov::OutputVector inputs = node.input_values();
  return !inputs.empty() && std::ranges::all_of(inputs, is_constant);
}

// The input of the linear classifier that makes this output, or the output itself where there is
// none.
ov::Output<ov::Node> before_classifier(const ov::Output<ov::Node>& output) {
  constexpr std::array kAfterIt{"Add",     "Multiply", "Identity", "Convert",
                                "Reshape", "Squeeze",  "Softmax",  "LogSoftmax"};
  for (ov::Output<ov::Node> at = output; at.get_node()->get_input_size() > 0;
       at = at.get_node()->input_value(0)) {
    const ov::Node& node = *at.get_node();
    const std::string type = node.get_type_name();
    const ov::OutputVector inputs = node.input_values();
    const bool by_constants = std::ranges::all_of(inputs.begin() + 1, inputs.end(), is_constant);
    if (type == "MatMul" && by_constants) return inputs[0];
    if (!by_constants || std::ranges::find(kAfterIt, type) == kAfterIt.end()) break;
  }
  return output;
}

ov::Output<ov::Node> tensor_named(const ov::Model& graph, const std::string& name,
                                  const std::string& file) {
  for (const auto& node : graph.get_ordered_ops()) {
    for (const ov::Output<ov::Node>& output : node->outputs())
      if (output.get_names().contains(name)) return output;
    if (node->get_friendly_name() == name && node->get_output_size() > 0) return node->output(0);
  }
  throw Error("has no tensor called '" + name + "'", file,
              "`retort inspect` lists those that could be features");
}

ov::Output<ov::Node> features_of(const ov::Model& graph, const std::string& name,
                                 const std::string& file) {
  return name.empty() ? before_classifier(graph.get_results().at(0)->input_value(0))
                      : tensor_named(graph, name, file);
}

class OpenVinoNetwork : public ImageModel {
 public:
  explicit OpenVinoNetwork(const ModelSpec& spec)
      : file_(spec.options.value("file", "")), features_(spec.options.value("features", "")) {
    spec_ = spec;
    dim_ = rows_of(at::zeros({2, 3, input_spec().size, input_spec().size})).size(1);
    reset_head(spec.classes);
  }

  at::Tensor forward_features(const at::Tensor& images) override { return rows_of(images); }
  at::Tensor classify(const at::Tensor& features) override { return head_->forward(features); }
  int64_t feature_dim() const override { return dim_; }
  torch::nn::Linear head() override { return head_; }

  void reset_head(int64_t classes) override {
    spec_.classes = classes;
    torch::nn::Linear fresh(dim_, classes);
    head_ = head_ ? replace_module("head", fresh) : register_module("head", fresh);
  }

 protected:
  data::InputSpec own_input_spec() const override { return {}; }

 private:
  at::Tensor rows_of(const at::Tensor& images) {
    const at::Tensor values = images.to(at::kFloat).contiguous();
    const int64_t size = values.size(3);
    try {
      if (size != size_) compile(size, /*any_batch=*/true);
      if (any_batch_) {
        try {
          const at::Tensor rows = infer(values);
          if (rows.size(0) == values.size(0)) return rows;
        } catch (const ov::Exception&) {
          if (values.size(0) == 1) throw;
        }
        compile(size,
                /*any_batch=*/false);  // a batch size of one is fixed somewhere in the graph
      }
      std::vector<at::Tensor> rows;
      for (const at::Tensor& image : values.split(1)) rows.push_back(infer(image));
      return at::cat(rows);
    } catch (const ov::Exception& error) {
      throw Error("fails on images of " + std::to_string(size) + " px: " + last_line(error), file_);
    }
  }

  void compile(int64_t size, bool any_batch) {
    const std::shared_ptr<ov::Model> whole = read_graph(core_, file_);
    const ov::Output<ov::Node> features = features_of(*whole, features_, file_);
    const auto graph =
        std::make_shared<ov::Model>(ov::OutputVector{features}, whole->get_parameters());
    const ov::Dimension batch = any_batch ? ov::Dimension::dynamic() : ov::Dimension(1);
    graph->reshape(ov::PartialShape{batch, 3, size, size});
    request_ =
        core_
            .compile_model(graph, "CPU", ov::hint::inference_precision(ov::element::f32),
                           ov::num_streams(1), ov::inference_num_threads(at::get_num_threads()))
            .create_infer_request();
    size_ = size;
    any_batch_ = any_batch;
  }

  at::Tensor infer(const at::Tensor& images) {
    const ov::Shape shape(images.sizes().begin(), images.sizes().end());
    request_.set_input_tensor(ov::Tensor(ov::element::f32, shape, images.data_ptr<float>()));
    request_.infer();
    ov::Tensor found = request_.get_output_tensor();
    if (found.get_element_type() != ov::element::f32)
      throw Error("gives features that are not float32", file_);
    const ov::Shape found_shape = found.get_shape();
    const std::vector<int64_t> sizes(found_shape.begin(), found_shape.end());
    return pooled_features(at::from_blob(found.data<float>(), sizes, at::kFloat), file_).clone();
  }

  std::string file_, features_;
  ov::Core core_;
  ov::InferRequest request_;
  int64_t size_ = 0, dim_ = 0;
  bool any_batch_ = true;
  torch::nn::Linear head_{nullptr};
};

RETORT_REGISTER_FAMILY(Family{
    .name = kGraphArch,
    .archs = {kGraphArch},
    .summary = "a teacher's graph, ONNX or OpenVINO IR: --teacher model.onnx",
    .make = [](const ModelSpec& spec) -> ModelPtr {
      return std::make_shared<OpenVinoNetwork>(spec);
    },
    .recognise = nullptr});

}  // namespace

std::vector<GraphTensor> feature_candidates(const fs::path& path, size_t most) {
  ov::Core core;
  const std::shared_ptr<ov::Model> graph = read_graph(core, path.string());
  std::vector<GraphTensor> found;
  for (const auto& node : graph->get_ordered_ops()) {
    const std::string type = node->get_type_name();
    if (type == "Result" || type == "Constant" || type == "Parameter" ||
        node->get_output_size() != 1)
      continue;
    const ov::PartialShape shape = node->get_output_partial_shape(0);
    if (node->get_output_element_type(0) != ov::element::f32 || shape.rank().is_dynamic()) continue;
    const int64_t rank = shape.rank().get_length();
    if (rank < 2 || rank > 4) continue;
    const ov::Dimension& channels = shape[rank == 3 ? 2 : 1];
    if (channels.is_dynamic() || channels.get_length() < 2 || is_constant(node->output(0)))
      continue;
    const std::unordered_set<std::string> names = node->output(0).get_names();
    if (names.empty()) continue;  // OpenVINO's own tensors, whose names change
    GraphTensor tensor{*names.begin(), {}};
    for (const ov::Dimension& size : shape)
      tensor.shape.push_back(size.is_static() ? size.get_length() : -1);
    found.push_back(std::move(tensor));
  }
  if (found.size() > most)
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most));
  return found;
}

ModelSpec graph_spec(const fs::path& path, const std::string& features) {
  ov::Core core;
  const std::shared_ptr<ov::Model> graph = read_graph(core, path.string());
  const int64_t side = fixed_side(input_shape(*graph, path.string()));
  features_of(*graph, features, path.string());
  data::InputSpec input;
  input.size = side > 0 ? side : kUsualSize;
  // retort's exporter writes this (deploy/onnx_export.h).
  if (const std::optional<std::string> preprocess = metadata_of(*graph, "preprocess")) {
    try {
      input = data::input_spec_from(nlohmann::json::parse(*preprocess));
    } catch (const nlohmann::json::exception&) {
      throw Error("says in its metadata how it wants its images, but not as JSON", path.string());
    }
  }
  return {kGraphArch,
          1,
          {{"file", path.string()},
           {"features", features},
           {"hash", graph_hash(path)},
           {"preprocess", data::to_json(input)}}};
}

std::optional<std::string> graph_metadata(const fs::path& path, const std::string& key) {
  ov::Core core;
  return metadata_of(*read_graph(core, path.string()), key);
}

}  // namespace retort::models
