#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace retort::kernels {

constexpr int64_t kLargestDepthwiseKernel = 7;
constexpr int64_t kFewestDepthwiseChannels = 8;
constexpr int64_t kWideDepthwiseChannels = 32;  // as many fill vectors of 512 bits

// The sizes of a depthwise convolution without dilation, with one output channel for each input
// channel.
struct DepthwiseShape {
  int64_t images, channels, height, width, out_height, out_width, kernel_height, kernel_width;
  std::array<int64_t, 2> stride, padding;
};

// The gradient of a depthwise convolution's weights, [C, 1, kernel height, kernel width], of the
// input's type: float or bfloat16. Input and gradient (of the output) are in channels-last, of at
// least kFewestDepthwiseChannels channels, and the kernel is of at most kLargestDepthwiseKernel on
// a side. Sums are in float, and the same however many threads there are.
at::Tensor depthwise_weight_gradient(const at::Tensor& input, const at::Tensor& gradient,
                                     const DepthwiseShape& shape);

}  // namespace retort::kernels
