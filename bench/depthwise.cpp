// The gradients of depthwise convolutions as retort computes them beside libtorch's own, in one run and in turns, at the shapes that
// MobileNetV2 and EfficientNet-Lite0 have at 224 and at 64 px: libtorch's time over retort's. Above 1, retort is faster.
#include <ATen/ops/convolution_backward_native.h>

#include "bench/bench.h"

namespace bench::of_depthwise {
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

void measure(const Case& c, at::ScalarType type, Results& results) {
  const auto random = [&](at::IntArrayRef shape) { return at::randn(shape).to(type, false, false, at::MemoryFormat::ChannelsLast); };
  const at::Tensor input = random({kBatch, c.channels, c.size, c.size});
  const at::Tensor weight = at::randn({c.channels, 1, c.kernel, c.kernel}).to(type);
  const int64_t padding = c.kernel / 2;
  const at::Tensor gradient = random(at::conv2d(input, weight, {}, c.stride, padding, 1, c.channels).sizes());
  const std::array<int64_t, 2> strides{c.stride, c.stride}, paddings{padding, padding}, ones{1, 1}, zeros{0, 0};
  const auto compare = [&](const std::string& what, std::array<bool, 3> mask) {
    const auto [library, ours] = in_turns(
        [&] {
          for (int i = 0; i < kCalls; ++i)
            at::native::convolution_backward(gradient, input, weight, {}, strides, paddings, ones, false, zeros, c.channels, mask);
        },
        [&] {
          for (int i = 0; i < kCalls; ++i)
            at::convolution_backward(gradient, input, weight, {}, strides, paddings, ones, false, zeros, c.channels, mask);
        });
    const auto text = [](int64_t number) { return std::to_string(number); };
    results.add("depthwise_backward_speedup." + std::string(type == at::kFloat ? "fp32" : "bf16") + "." + what + "." + text(c.channels) +
                    "_channels_" + text(c.size) + "px_kernel_" + text(c.kernel) + "_stride_" + text(c.stride),
                library / ours, "of libtorch's speed");
  };
  compare("input", {true, false, false});
  compare("weight", {false, true, false});
}

void run(const std::vector<std::string>&, Results& results) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const Case& c : kCases) measure(c, type, results);
}

}  // namespace

Part part() { return {"depthwise", {}, run}; }

}  // namespace bench::of_depthwise
