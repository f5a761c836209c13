#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "retort/deploy/onnx_builder.h"
#include "retort/deploy/trace.h"

namespace retort::deploy {

// The names of ONNX edges: one for a tensor, more for a list of them.
struct OnnxEdges : std::vector<std::string> {
  using std::vector<std::string>::vector;
  // Implicit, because translations return either. NOLINTBEGIN(google-explicit-constructor)
  OnnxEdges(std::string edge) { push_back(std::move(edge)); }
  OnnxEdges(std::vector<std::string> edges) : std::vector<std::string>(std::move(edges)) {}
  // NOLINTEND(google-explicit-constructor)
};

// Translates a trace to ONNX, node by node, with the translations of OnnxTable.
class OnnxTranslator {
 public:
  // `names` are the model's tensors by name; `images` is the edge of the graph's input.
  OnnxTranslator(OnnxBuilder& builder, const BatchTrace& trace, const StateDict& names,
                 const std::string& images);
  // Translates the whole trace and returns its output's edge. Throws Error, naming the operator,
  // where one has no translation.
  std::string run();

 private:
  friend class OnnxOp;
  void visit(const torch::jit::Node& node);
  const OnnxEdges& edges(const torch::jit::Value* value);
  std::string constant_edge(const torch::jit::Value* value);
  std::string constant_tensor(const torch::jit::Value* value);
  std::string tensor_edge(const at::Tensor& tensor);
  // The edge of the model's own tensor that this is, or "".
  std::string named_edge(const at::Tensor& tensor);
  std::string extents_edge(const std::vector<Extent>& extents);

  OnnxBuilder& builder_;
  const BatchTrace& trace_;
  // The model's tensors and their names, by the address of their memory.
  std::map<const void*, std::pair<std::string, at::Tensor>> names_;
  std::set<std::string> written_;  // names of tensors that the file has
  std::unordered_map<const torch::jit::Value*, OnnxEdges> edges_;
  std::string images_, batch_;
};

// The argument of an operator's translation: reads the operator's inputs, by their place i in the
// aten schema, and adds ONNX nodes. number, flag, text, whole and wholes throw Error, naming the
// operator, when the input is not such a constant, and whole, wholes and size also when it depends
// on the batch.
class OnnxOp {
 public:
  OnnxOp(OnnxTranslator& translator, const torch::jit::Node& node)
      : translator_(translator), node_(node) {}

  size_t inputs() const { return node_.inputs().size(); }
  bool given(size_t i) const;        // exists and is not None
  std::string edge(size_t i) const;  // of a tensor or of a number as fp32; "" for None
  std::vector<std::string> edges(size_t i) const;  // of a list of tensors
  double number(size_t i) const;
  bool flag(size_t i) const;
  std::string text(size_t i) const;
  int64_t whole(size_t i) const;
  std::vector<int64_t> wholes(size_t i) const;
  Extent extent(size_t i) const;

  std::vector<Extent> output_shape() const { return translator_.trace_.shape(node_.output()); }
  int64_t rank(size_t i) const;
  int64_t size(size_t i, int64_t dimension) const;  // a negative dimension counts from the end
  // The same dimension of input i, counted from the front.
  int64_t axis(size_t i, int64_t dimension) const;

  std::string emit(const std::string& type, const std::vector<std::string>& inputs,
                   const OnnxAttributes& attributes = {}) const;
  std::vector<std::string> emit(const std::string& type, const std::vector<std::string>& inputs,
                                const OnnxAttributes& attributes, size_t outputs) const;
  std::string constant(double value) const { return translator_.builder_.constant(value); }
  std::string constant(const std::vector<int64_t>& values) const {
    return translator_.builder_.constant(values);
  }
  std::string constant(const at::Tensor& tensor) const {
    return translator_.builder_.constant(tensor);
  }
  // An int64 vector; it is computed from the batch size where an extent depends on it.
  std::string extents_edge(const std::vector<Extent>& extents) const {
    return translator_.extents_edge(extents);
  }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  c10::IValue value(size_t i) const;

  OnnxTranslator& translator_;
  const torch::jit::Node& node_;
};

// Translations by the operator's name, such as "aten::relu".
using OnnxTable = std::map<std::string, std::function<OnnxEdges(const OnnxOp&)>>;

// Each function adds its operators to the table; a new operator is one entry in one of them.
// Convolutions, norms, pools, linear layers and attention: onnx_layers.cpp.
void add_layer_ops(OnnxTable& table);
// Activations and arithmetic: onnx_math.cpp.
void add_math_ops(OnnxTable& table);
// Operators that move values without computing: onnx_shapes.cpp.
void add_shape_ops(OnnxTable& table);

}  // namespace retort::deploy
