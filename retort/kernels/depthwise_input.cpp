#include "retort/kernels/depthwise_input.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "retort/core/vectorised.h"

namespace retort::kernels {
namespace {

// Computes row `y` of one image's input gradient. An input pixel receives from kernel positions
// that are one stride apart. weights: [kernel height, kernel width, C]; sums: space for C values.
RETORT_VECTORISED void find_row(const c10::BFloat16* gradient, const float* weights,
                                const DepthwiseShape& s, int64_t y, float* __restrict sums,
                                c10::BFloat16* to) {
  for (int64_t x = 0; x < s.width; ++x, to += s.channels) {
    std::fill_n(sums, s.channels, 0.0F);
    int64_t row = (y + s.padding[0]) / s.stride[0];
    for (int64_t i = (y + s.padding[0]) % s.stride[0]; i < s.kernel_height;
         i += s.stride[0], --row) {
      if (row < 0 || row >= s.out_height) continue;
      int64_t column = (x + s.padding[1]) / s.stride[1];
      for (int64_t j = (x + s.padding[1]) % s.stride[1]; j < s.kernel_width;
           j += s.stride[1], --column) {
        if (column < 0 || column >= s.out_width) continue;
        const c10::BFloat16* by = gradient + (row * s.out_width + column) * s.channels;
        const float* weight = weights + (i * s.kernel_width + j) * s.channels;
        for (int64_t c = 0; c < s.channels; ++c) sums[c] += weight[c] * static_cast<float>(by[c]);
      }
    }
    for (int64_t c = 0; c < s.channels; ++c) to[c] = static_cast<c10::BFloat16>(sums[c]);
  }
}

}  // namespace

at::Tensor depthwise_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                    const DepthwiseShape& s) {
  at::Tensor found = at::empty({s.images, s.channels, s.height, s.width},
                               gradient.options().memory_format(at::MemoryFormat::ChannelsLast));
  const at::Tensor weights = weight.to(at::kFloat).flatten(1).t().contiguous();
  const c10::BFloat16* by = gradient.const_data_ptr<c10::BFloat16>();
  c10::BFloat16* to = found.mutable_data_ptr<c10::BFloat16>();
  at::parallel_for(0, s.images * s.height, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(static_cast<size_t>(s.channels));
    for (int64_t at = begin; at < end; ++at)
      find_row(by + at / s.height * s.out_height * s.out_width * s.channels,
               weights.const_data_ptr<float>(), s, at % s.height, sums.data(),
               to + at * s.width * s.channels);
  });
  return found;
}

}  // namespace retort::kernels
