#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <torch/types.h>

namespace onnx {
class ModelProto;
}

namespace retort::deploy {

using OnnxAttribute = std::variant<int64_t, double, std::string, std::vector<int64_t>>;
using OnnxAttributes = std::map<std::string, OnnxAttribute>;

// Builds an ONNX model (opset 17, IR 8) node by node. A value is identified by the name of its
// edge; an empty name means an input that is left out.
class OnnxBuilder {
 public:
  explicit OnnxBuilder(const std::string& graph_name);
  ~OnnxBuilder();
  OnnxBuilder(const OnnxBuilder&) = delete;
  OnnxBuilder& operator=(const OnnxBuilder&) = delete;

  // Declares an fp32 input of the graph. A dimension is a number, or a name if it is dynamic.
  using Dimension = std::variant<int64_t, std::string>;
  void input(const std::string& name, const std::vector<Dimension>& shape);
  // Makes the edge an output of the graph, with this name.
  void output(const std::string& edge, const std::string& name,
              const std::vector<Dimension>& shape);
  void metadata(const std::string& key, const std::string& value);
  void producer(const std::string& name, const std::string& version);

  // Adds the tensor (fp32, fp64, int64, int32 or bool) under this name, and returns the name.
  // Throws Error on other types.
  std::string initializer(const std::string& name, const at::Tensor& tensor);
  // The same under a new name. Equal constants of up to 16 elements are written once.
  std::string constant(const at::Tensor& tensor);
  std::string constant(double value);
  std::string constant(const std::vector<int64_t>& values);

  // Adds a node. Returns the name of its output edge, or the names of its `outputs` output edges.
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const OnnxAttributes& attributes = {});
  std::vector<std::string> node(const std::string& type, const std::vector<std::string>& inputs,
                                const OnnxAttributes& attributes, size_t outputs);

  // The file's bytes: the same calls give the same bytes. Throws Error above protobuf's 2 GB.
  std::string serialize() const;

 private:
  void add_node(const std::string& type, const std::vector<std::string>& inputs,
                const OnnxAttributes& attributes, const std::vector<std::string>& outputs);
  std::string fresh(const std::string& stem);

  std::unique_ptr<onnx::ModelProto> model_;
  std::map<std::string, int64_t> counts_;
  // The names of small constants, by their type, shape and bytes.
  std::map<std::string, std::string> small_;
};

}  // namespace retort::deploy
