#include <cmath>
#include <numeric>

#include "retort/deploy/onnx_ops.h"

namespace retort::deploy {

namespace {

using Wholes = std::vector<int64_t>;

Wholes pair(Wholes values) {
  if (values.size() == 1) values.push_back(values[0]);
  return values;
}

// aten has one number for both sides of a dimension; ONNX lists the padding before each dimension,
// then the padding after each.
Wholes both_sides(Wholes padding) {
  padding = pair(std::move(padding));
  padding.insert(padding.end(), padding.begin(), padding.begin() + 2);
  return padding;
}

// padding="same": where the total is odd, one more is added after than before.
Wholes same_padding(const OnnxOp& op) {
  const Wholes dilation = pair(op.wholes(5));
  Wholes before, after;
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t total = dilation.at(static_cast<size_t>(i)) * (op.size(1, 2 + i) - 1);
    before.push_back(total / 2);
    after.push_back(total - total / 2);
  }
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

std::string convolve(const OnnxOp& op, const Wholes& pads, int64_t groups) {
  if (op.rank(0) != 4) op.fail("other than over two dimensions of a batch");
  std::vector<std::string> inputs{op.edge(0), op.edge(1)};
  if (op.given(2)) inputs.push_back(op.edge(2));
  return op.emit("Conv", inputs,
                 {{"kernel_shape", Wholes{op.size(1, 2), op.size(1, 3)}},
                  {"strides", pair(op.wholes(3))},
                  {"pads", pads},
                  {"dilations", pair(op.wholes(5))},
                  {"group", groups}});
}

std::string conv2d(const OnnxOp& op) { return convolve(op, both_sides(op.wholes(4)), op.whole(6)); }

std::string conv2d_with_mode(const OnnxOp& op) {
  return convolve(op, op.text(4) == "same" ? same_padding(op) : Wholes{0, 0, 0, 0}, op.whole(6));
}

std::string convolution(const OnnxOp& op) {
  if (op.flag(6)) op.fail("when transposed");
  return convolve(op, both_sides(op.wholes(4)), op.whole(8));
}

// An affine parameter, or its default value where it is left out.
std::string affine(const OnnxOp& op, size_t i, double otherwise, int64_t size) {
  return op.given(i) ? op.edge(i) : op.constant(at::full({size}, otherwise, at::kFloat));
}

std::string batch_norm(const OnnxOp& op) {
  if (op.flag(5) || !op.given(3) || !op.given(4)) op.fail("without running statistics");
  const int64_t channels = op.size(0, 1);
  return op.emit(
      "BatchNormalization",
      {op.edge(0), affine(op, 1, 1, channels), affine(op, 2, 0, channels), op.edge(3), op.edge(4)},
      {{"epsilon", op.number(7)}});
}

std::string layer_norm(const OnnxOp& op) {
  const Wholes shape = op.wholes(1);
  std::vector<std::string> inputs{op.edge(0),
                                  op.given(2) ? op.edge(2) : op.constant(at::ones(shape))};
  if (op.given(3)) inputs.push_back(op.edge(3));
  return op.emit("LayerNormalization", inputs,
                 {{"axis", -static_cast<int64_t>(shape.size())}, {"epsilon", op.number(4)}});
}

OnnxAttributes window(const OnnxOp& op) {
  const Wholes kernel = pair(op.wholes(1)), stride = pair(op.wholes(2));
  return {{"kernel_shape", kernel},
          {"strides", stride.empty() ? kernel : stride},
          {"pads", both_sides(op.wholes(3))}};
}

std::string max_pool2d(const OnnxOp& op) {
  OnnxAttributes attributes = window(op);
  attributes["dilations"] = pair(op.wholes(4));
  attributes["ceil_mode"] = int64_t{op.flag(5)};
  return op.emit("MaxPool", {op.edge(0)}, attributes);
}

std::string avg_pool2d(const OnnxOp& op) {
  // ONNX before opset 19 does not define the divisor of a window that extends beyond the input.
  if (op.flag(4)) op.fail("in ceil mode");
  if (op.given(6)) op.fail("with a divisor of its own");
  OnnxAttributes attributes = window(op);
  attributes["count_include_pad"] = int64_t{op.flag(5)};
  return op.emit("AveragePool", {op.edge(0)}, attributes);
}

std::string adaptive_avg_pool2d(const OnnxOp& op) {
  const Wholes target = op.wholes(1);
  if (target == Wholes{1, 1}) return op.emit("GlobalAveragePool", {op.edge(0)});
  const int64_t height = op.size(0, -2), width = op.size(0, -1);
  if (height % target.at(0) != 0 || width % target.at(1) != 0)
    op.fail("to a size that does not divide its input's");
  const Wholes kernel{height / target[0], width / target[1]};
  return op.emit("AveragePool", {op.edge(0)}, {{"kernel_shape", kernel}, {"strides", kernel}});
}

std::string linear(const OnnxOp& op) {
  std::vector<std::string> inputs{op.edge(0), op.edge(1)};
  if (op.rank(0) == 2) {
    if (op.given(2)) inputs.push_back(op.edge(2));
    return op.emit("Gemm", inputs, {{"transB", int64_t{1}}});
  }
  inputs[1] = op.emit("Transpose", {inputs[1]}, {{"perm", Wholes{1, 0}}});
  const std::string product = op.emit("MatMul", inputs);
  return op.given(2) ? op.emit("Add", {product, op.edge(2)}) : product;
}

std::string matmul(const OnnxOp& op) { return op.emit("MatMul", {op.edge(0), op.edge(1)}); }

// beta·C + alpha·A·B
std::string addmm(const OnnxOp& op) {
  return op.emit("Gemm", {op.edge(1), op.edge(2), op.edge(0)},
                 {{"beta", op.number(3)}, {"alpha", op.number(4)}});
}

std::string attention(const OnnxOp& op) {
  if (op.number(4) != 0) op.fail("with dropout");
  if (op.flag(5)) op.fail("with a causal mask");
  if (op.given(7) && op.flag(7)) op.fail("with grouped queries");
  const double scale =
      op.given(6) ? op.number(6) : 1 / std::sqrt(static_cast<double>(op.size(0, -1)));
  Wholes swap_last(static_cast<size_t>(op.rank(1)));
  std::iota(swap_last.begin(), swap_last.end(), int64_t{0});
  std::swap(swap_last.at(swap_last.size() - 1), swap_last.at(swap_last.size() - 2));
  const std::string keys = op.emit("Transpose", {op.edge(1)}, {{"perm", swap_last}});
  std::string scores = op.emit("MatMul", {op.emit("Mul", {op.edge(0), op.constant(scale)}), keys});
  if (op.given(3)) scores = op.emit("Add", {scores, op.edge(3)});
  return op.emit("MatMul", {op.emit("Softmax", {scores}, {{"axis", int64_t{-1}}}), op.edge(2)});
}

}  // namespace

void add_layer_ops(OnnxTable& table) {
  table["aten::conv2d"] = conv2d;
  table["aten::_convolution_mode"] = conv2d_with_mode;
  table["aten::convolution"] = convolution;
  table["aten::_convolution"] = convolution;
  table["aten::batch_norm"] = batch_norm;
  table["aten::layer_norm"] = layer_norm;
  table["aten::max_pool2d"] = max_pool2d;
  table["aten::avg_pool2d"] = avg_pool2d;
  table["aten::adaptive_avg_pool2d"] = adaptive_avg_pool2d;
  table["aten::linear"] = linear;
  for (const char* name : {"aten::matmul", "aten::bmm", "aten::mm"}) table[name] = matmul;
  table["aten::addmm"] = addmm;
  table["aten::scaled_dot_product_attention"] = attention;
}

}  // namespace retort::deploy
