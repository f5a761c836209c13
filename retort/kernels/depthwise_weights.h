#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace retort::kernels {

constexpr int64_t kLargestDepthwiseKernel = 7;
constexpr int64_t kFewestDepthwiseChannels = 8;
constexpr int64_t kWideDepthwiseChannels = 32;  // they fill two vectors of 512 bits

// The sizes of a depthwise convolution without dilation, with one output channel for each input
// channel.
struct DepthwiseShape {
  int64_t images, channels, height, width, out_height, out_width, kernel_height, kernel_width;
  std::array<int64_t, 2> stride, padding;
};

// The gradient of a depthwise convolution's weights, [C, 1, kernel height, kernel width], in the
// input's type: float or bfloat16. `input` and `gradient` (of the output) are in channels-last and
// have at least kFewestDepthwiseChannels channels; the kernel has at most kLargestDepthwiseKernel
// rows and columns. Sums are in float, and do not depend on the number of threads.
at::Tensor depthwise_weight_gradient(const at::Tensor& input, const at::Tensor& gradient,
                                     const DepthwiseShape& shape);

}  // namespace retort::kernels
