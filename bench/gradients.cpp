// Depthwise convolutions in bf16, and the gradients of depthwise and 1×1 convolutions: libtorch's
// time divided by retort's, measured in one run and in turns, at shapes of MobileNetV2 and
// EfficientNet-Lite0 at 224 and 64 px. Above 1, retort is faster.
#include <ATen/ops/convolution_backward_native.h>
#include <ATen/ops/convolution_native.h>

#include "bench/bench.h"

namespace bench::of_gradients {
namespace {

struct Case {
  int64_t channels, size, kernel, stride;
};
constexpr std::array<Case, 16> kCases{{{32, 112, 3, 1},
                                       {96, 112, 3, 2},
                                       {144, 56, 3, 1},
                                       {192, 28, 3, 1},
                                       {32, 32, 3, 1},
                                       {96, 32, 3, 2},
                                       {144, 16, 3, 1},
                                       {144, 16, 5, 2},
                                       {240, 8, 5, 1},
                                       {192, 8, 3, 2},
                                       {384, 4, 3, 1},
                                       {576, 4, 3, 2},
                                       {576, 3, 3, 1},
                                       {672, 4, 5, 1},
                                       {672, 4, 5, 2},
                                       {960, 2, 3, 1}}};
constexpr int kCalls = 5;
constexpr int64_t kBatch = 32;

struct Pointwise {
  int64_t inputs, outputs, size;
};
constexpr std::array<Pointwise, 8> kPointwise{{{32, 192, 28},
                                               {384, 96, 14},
                                               {96, 576, 14},
                                               {960, 160, 7},
                                               {320, 1280, 7},
                                               {240, 40, 8},
                                               {112, 672, 4},
                                               {1152, 320, 2}}};

at::Tensor random(at::IntArrayRef shape, at::ScalarType type) {
  return at::randn(shape).to(type, false, false, at::MemoryFormat::ChannelsLast);
}

// Measures the output where retort has a kernel for it, the gradient of the input, and that of the
// weight.
void measure(const std::string& key, const at::Tensor& input, const at::Tensor& weight,
             int64_t stride, int64_t groups, Results& results) {
  const int64_t padding = weight.size(2) / 2;
  const at::Tensor gradient = random(
      at::conv2d(input, weight, {}, stride, padding, 1, groups).sizes(), input.scalar_type());
  const std::array<int64_t, 2> strides{stride, stride}, paddings{padding, padding}, ones{1, 1},
      zeros{0, 0};
  const auto compare = [&](const std::string& named, const auto& library, const auto& ours) {
    const auto several = [](const auto& call) {
      return [&call] {
        for (int i = 0; i < kCalls; ++i) call();
      };
    };
    const auto [theirs, own] = in_turns(several(library), several(ours));
    results.add(named, theirs / own, "of libtorch's speed");
  };
  const auto compare_gradients = [&](const std::string& what, std::array<bool, 3> mask) {
    compare(
        key + "." + what,
        [&] {
          at::native::convolution_backward(gradient, input, weight, {}, strides, paddings, ones,
                                           false, zeros, groups, mask);
        },
        [&] {
          at::convolution_backward(gradient, input, weight, {}, strides, paddings, ones, false,
                                   zeros, groups, mask);
        });
  };
  if (groups > 1 && input.scalar_type() == at::kBFloat16) {
    compare(
        "depthwise_output_speedup" + key.substr(key.find('.')),
        [&] {
          at::native::convolution(input, weight, {}, strides, paddings, ones, false, zeros, groups);
        },
        [&] { at::convolution(input, weight, {}, strides, paddings, ones, false, zeros, groups); });
  }
  compare_gradients("input", {true, false, false});
  compare_gradients("weight", {false, true, false});
}

std::string text(int64_t number) { return std::to_string(number); }

void run(const std::vector<std::string>&, Results& results) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const Case& c : kCases)
      measure("depthwise_backward_speedup." + std::string(type == at::kFloat ? "fp32." : "bf16.") +
                  text(c.channels) + "_channels_" + text(c.size) + "px_kernel_" + text(c.kernel) +
                  "_stride_" + text(c.stride),
              random({kBatch, c.channels, c.size, c.size}, type),
              at::randn({c.channels, 1, c.kernel, c.kernel}).to(type), c.stride, c.channels,
              results);
  for (const Pointwise& c : kPointwise)
    measure("pointwise_backward_speedup.fp32." + text(c.inputs) + "_to_" + text(c.outputs) +
                "_channels_" + text(c.size) + "px",
            random({kBatch, c.inputs, c.size, c.size}, at::kFloat),
            at::randn({c.outputs, c.inputs, 1, 1}), 1, 1, results);
}

}  // namespace

Part part() { return {"gradients", {}, run}; }

}  // namespace bench::of_gradients
