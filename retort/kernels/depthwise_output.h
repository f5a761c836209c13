#pragma once

#include <ATen/core/Tensor.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::kernels {

// Whether depthwise_output() takes this shape and is faster than libtorch there: a 3×3 kernel at a
// stride of 1 or 2 in bfloat16, on a processor with vectors of 512 bits, with channels that fill
// them. Padding may be negative; the input is then cut off.
bool is_fast_depthwise(const DepthwiseShape& shape);

// The output of a depthwise convolution of an input in channels-last, [N, C, height, width], by
// weights [C, 1, 3, 3] and a bias [C] that may be undefined. Sums are in float.
at::Tensor depthwise_output(const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const DepthwiseShape& shape);

}  // namespace retort::kernels
