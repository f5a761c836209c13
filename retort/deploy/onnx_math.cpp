#include <cmath>
#include <numbers>

#include "retort/deploy/onnx_ops.h"

namespace retort::deploy {

namespace {

auto unary(const std::string& type) {
  return [type](const OnnxOp& op) { return op.emit(type, {op.edge(0)}); };
}

auto binary(const std::string& type) {
  return [type](const OnnxOp& op) { return op.emit(type, {op.edge(0), op.edge(1)}); };
}

// a + alpha·b and a - alpha·b
auto scaled_binary(const std::string& type) {
  return [type](const OnnxOp& op) {
    const double alpha = op.given(2) ? op.number(2) : 1;
    const std::string right =
        alpha == 1 ? op.edge(1) : op.emit("Mul", {op.edge(1), op.constant(alpha)});
    return op.emit(type, {op.edge(0), right});
  };
}

std::string divide(const OnnxOp& op) {
  if (op.given(2)) op.fail("with a rounding mode");
  return op.emit("Div", {op.edge(0), op.edge(1)});
}

std::string clip(const OnnxOp& op) { return op.emit("Clip", {op.edge(0), op.edge(1), op.edge(2)}); }

std::string relu6(const OnnxOp& op) {
  return op.emit("Clip", {op.edge(0), op.constant(0.0), op.constant(6.0)});
}

std::string hardsigmoid(const OnnxOp& op) {
  return op.emit("HardSigmoid", {op.edge(0)}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
}

std::string silu(const OnnxOp& op) {
  return op.emit("Mul", {op.edge(0), op.emit("Sigmoid", {op.edge(0)})});
}

// Hendrycks & Gimpel 2016: x/2·(1 + erf(x/√2)), or with tanh(√(2/π)·(x + 0.044715·x³)) instead of
// the erf.
std::string gelu(const OnnxOp& op) {
  const std::string x = op.edge(0);
  std::string squashed;
  if (!op.given(1) || op.text(1) == "none") {
    squashed = op.emit("Erf", {op.emit("Mul", {x, op.constant(1 / std::numbers::sqrt2)})});
  } else {
    const std::string cube = op.emit("Mul", {op.emit("Mul", {x, x}), x});
    const std::string inner = op.emit("Add", {x, op.emit("Mul", {cube, op.constant(0.044715)})});
    squashed =
        op.emit("Tanh", {op.emit("Mul", {inner, op.constant(std::sqrt(2 / std::numbers::pi))})});
  }
  return op.emit(
      "Mul", {op.emit("Mul", {x, op.constant(0.5)}), op.emit("Add", {squashed, op.constant(1.0)})});
}

std::string softmax(const OnnxOp& op) {
  return op.emit("Softmax", {op.edge(0)}, {{"axis", op.whole(1)}});
}

std::string mean(const OnnxOp& op) {
  if (op.inputs() < 4 || !op.given(1)) op.fail("over all dimensions, the batch among them");
  return op.emit("ReduceMean", {op.edge(0)},
                 {{"axes", op.wholes(1)}, {"keepdims", int64_t{op.flag(2)}}});
}

std::string norm(const OnnxOp& op) {
  if (op.inputs() < 4 || op.number(1) != 2) op.fail("other than the L2 norm over given dimensions");
  return op.emit("ReduceL2", {op.edge(0)},
                 {{"axes", op.wholes(2)}, {"keepdims", int64_t{op.flag(3)}}});
}

}  // namespace

void add_math_ops(OnnxTable& table) {
  table["aten::relu"] = unary("Relu");
  table["aten::sigmoid"] = unary("Sigmoid");
  table["aten::tanh"] = unary("Tanh");
  table["aten::erf"] = unary("Erf");
  table["aten::exp"] = unary("Exp");
  table["aten::sqrt"] = unary("Sqrt");
  table["aten::neg"] = unary("Neg");
  table["aten::hardswish"] = unary("HardSwish");
  table["aten::hardsigmoid"] = hardsigmoid;
  table["aten::relu6"] = relu6;
  table["aten::hardtanh"] = clip;
  table["aten::clamp"] = clip;
  table["aten::silu"] = silu;
  table["aten::gelu"] = gelu;
  table["aten::add"] = scaled_binary("Add");
  table["aten::sub"] = scaled_binary("Sub");
  table["aten::mul"] = binary("Mul");
  table["aten::div"] = divide;
  table["aten::softmax"] = softmax;
  table["aten::mean"] = mean;
  table["aten::norm"] = norm;
}

}  // namespace retort::deploy
