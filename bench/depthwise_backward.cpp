// The gradients of depthwise convolutions as retort computes them beside libtorch's own, in one run and in turns, at the shapes that
// MobileNetV2 and EfficientNet-Lite0 have at 64 px. Prints libtorch's time over retort's: above 1, retort is faster.
//   bench_depthwise_backward [BATCH]
#include <ATen/ops/convolution_backward_native.h>

#include <cstdio>
#include <cstdlib>

#include "retort/core/log.h"

namespace {

struct Case {
  int64_t channels, size, kernel, stride;
};
constexpr std::array<Case, 12> kCases{{{32, 32, 3, 1},
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
constexpr int kRounds = 7;
constexpr int kCalls = 5;

template <class F>
double seconds_of(const F& run) {
  const retort::Stopwatch watch;
  for (int i = 0; i < kCalls; ++i) run();
  return watch.seconds();
}

// The medians of kRounds of both, in milliseconds a call.
template <class A, class B>
std::pair<double, double> in_turns(const A& a, const B& b) {
  std::vector<double> times_a, times_b;
  a(), b();
  for (int round = 0; round < kRounds; ++round) {
    times_a.push_back(seconds_of(a));
    times_b.push_back(seconds_of(b));
  }
  std::ranges::sort(times_a);
  std::ranges::sort(times_b);
  return {1e3 * times_a[kRounds / 2] / kCalls, 1e3 * times_b[kRounds / 2] / kCalls};
}

void measure(const Case& c, int64_t batch, at::ScalarType type) {
  const auto random = [&](at::IntArrayRef shape) { return at::randn(shape).to(type, false, false, at::MemoryFormat::ChannelsLast); };
  const at::Tensor input = random({batch, c.channels, c.size, c.size});
  const at::Tensor weight = at::randn({c.channels, 1, c.kernel, c.kernel}).to(type);
  const int64_t padding = c.kernel / 2;
  const at::Tensor gradient = random(at::conv2d(input, weight, {}, c.stride, padding, 1, c.channels).sizes());
  const std::array<int64_t, 2> strides{c.stride, c.stride}, paddings{padding, padding}, ones{1, 1}, zeros{0, 0};
  const auto compare = [&](const char* what, std::array<bool, 3> mask) {
    const auto [library, ours] = in_turns(
        [&] { at::native::convolution_backward(gradient, input, weight, {}, strides, paddings, ones, false, zeros, c.channels, mask); },
        [&] { at::convolution_backward(gradient, input, weight, {}, strides, paddings, ones, false, zeros, c.channels, mask); });
    std::printf(
        "%-8s %4lld channels, %2lld x %2lld, kernel %lld, stride %lld, gradient of the %-6s: libtorch %7.2f ms, retort %6.2f ms, ratio "
        "%6.2f\n",
        at::toString(type), static_cast<long long>(c.channels), static_cast<long long>(c.size), static_cast<long long>(c.size),
        static_cast<long long>(c.kernel), static_cast<long long>(c.stride), what, library, ours, library / ours);
    std::fflush(stdout);
  };
  compare("input", {true, false, false});
  compare("weight", {false, true, false});
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t batch = argc > 1 ? std::atoll(argv[1]) : 32;
  for (const at::ScalarType type : {at::kBFloat16, at::kFloat})
    for (const Case& c : kCases) measure(c, batch, type);
  return 0;
}
