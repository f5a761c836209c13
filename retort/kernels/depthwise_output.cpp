#include "retort/kernels/depthwise_output.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "retort/core/vectorised.h"
#include "retort/kernels/bf16_vectors.h"
#include "retort/kernels/depthwise_rows.h"

namespace retort::kernels {

#ifdef RETORT_AVX512
namespace {

constexpr int64_t kFewestColumns = 4;  // with fewer output columns libtorch is as fast
constexpr int kSide = RowsUnder::kSide, kTaps = kSide * kSide;

// Weights and bias of one vector's channels, even channels first.
struct Kernel {
  float weights[kTaps][2][Bf16Pairs::kLanes], bias[2][Bf16Pairs::kLanes];
};

// Computes an output row of 32 channels of one image. `input` points to the image, `to` to the row,
// each at the first of those channels.
template <int Stride>
RETORT_AVX512 void find_row(const c10::BFloat16* input, const Kernel& kernel,
                            const DepthwiseShape& s, int64_t y, c10::BFloat16* to) {
  const RowsUnder rows(input, s, y);
  Bf16Pairs::Floats weights[kTaps][2], bias[2];
  std::memcpy(weights, kernel.weights, sizeof weights);
  std::memcpy(bias, kernel.bias, sizeof bias);
  Bf16Pairs::Floats even[kSide][kSide], odd[kSide][kSide];  // the inputs under the kernel
  const auto look = [&](int64_t column, int j) __attribute__((always_inline)) {
    for (int i = 0; i < kSide; ++i) Bf16Pairs::load(rows.at(i, column), even[i][j], odd[i][j]);
  };
  const c10::BFloat16* ahead =
      input + (y * s.stride[0] + kSide - s.padding[0]) * s.width * s.channels;
  for (int j = Stride; j < kSide; ++j) look(j - Stride - s.padding[1], j);
  for (int64_t x = 0; x < s.out_width; ++x, to += s.channels) {
    for (int i = 0; i < kSide; ++i)
      for (int j = Stride; j < kSide; ++j)
        even[i][j - Stride] = even[i][j], odd[i][j - Stride] = odd[i][j];
    for (int j = kSide - Stride; j < kSide; ++j) look(x * Stride + j - s.padding[1], j);
    Bf16Pairs::Floats evens = bias[0], odds = bias[1];
    for (int i = 0; i < kSide; ++i)
      for (int j = 0; j < kSide; ++j) {
        evens += weights[i * kSide + j][0] * even[i][j];
        odds += weights[i * kSide + j][1] * odd[i][j];
      }
    Bf16Pairs::store(evens, odds, to);
    __builtin_prefetch(ahead + x * Stride * s.channels);
    __builtin_prefetch(to + s.out_width * s.channels, 1);
  }
}

}  // namespace

bool is_fast_depthwise(const DepthwiseShape& s) {
  return has_avx512() && s.channels >= Bf16Pairs::kChannels && s.kernel_height == kSide &&
         s.kernel_width == kSide && s.stride[1] <= 2 && s.out_height > 0 &&
         s.out_width >= kFewestColumns;
}

at::Tensor depthwise_output(const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const DepthwiseShape& s) {
  const at::Tensor out = at::empty({s.images, s.channels, s.out_height, s.out_width},
                                   input.options().memory_format(at::MemoryFormat::ChannelsLast));
  const at::Tensor weights = weight.to(at::kFloat).contiguous(),
                   biases = bias.defined() ? bias.to(at::kFloat).contiguous() : at::Tensor();
  const int64_t blocks = (s.channels + Bf16Pairs::kChannels - 1) / Bf16Pairs::kChannels;
  // The last block may overlap the one before.
  const auto first_of = [&](int64_t block) {
    return std::min(block * Bf16Pairs::kChannels, s.channels - Bf16Pairs::kChannels);
  };
  std::vector<Kernel> kernels(static_cast<size_t>(blocks));
  for (int64_t block = 0; block < blocks; ++block)
    for (int c = 0; c < Bf16Pairs::kChannels; ++c) {
      const int64_t channel = first_of(block) + c;
      Kernel& kernel = kernels[static_cast<size_t>(block)];
      for (int tap = 0; tap < kTaps; ++tap)
        kernel.weights[tap][c % 2][c / 2] = weights.const_data_ptr<float>()[channel * kTaps + tap];
      kernel.bias[c % 2][c / 2] = biases.defined() ? biases.const_data_ptr<float>()[channel] : 0;
    }
  const auto* from = input.const_data_ptr<c10::BFloat16>();
  auto* to = out.mutable_data_ptr<c10::BFloat16>();
  at::parallel_for(0, s.images * s.out_height, 1, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at)
      for (int64_t block = 0; block < blocks; ++block) {
        const int64_t first = first_of(block);
        (s.stride[1] == 1
             ? find_row<1>
             : find_row<2>)(from + at / s.out_height * s.height * s.width * s.channels + first,
                            kernels[static_cast<size_t>(block)], s, at % s.out_height,
                            to + at * s.out_width * s.channels + first);
      }
  });
  return out;
}
#else
bool is_fast_depthwise(const DepthwiseShape&) { return false; }
at::Tensor depthwise_output(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                            const DepthwiseShape&) {
  return {};
}
#endif

}  // namespace retort::kernels
