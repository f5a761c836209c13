#pragma once

#include <ATen/core/Tensor.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::models {

// Whether there is a way to a depthwise convolution of this shape, in bfloat16, that is faster than
// the library's: with a kernel of 3×3 at a stride of 1 or 2, for vectors of 512 bits, and channels
// that fill them. Padding may be negative: the input is cut off, then.
bool is_fast_depthwise(const DepthwiseShape& shape);

// That: of an input in channels-last, [N, C, height, width], weights [C, 1, 3, 3], and a bias [C]
// that may be undefined. Sums are in float.
at::Tensor depthwise_output(const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const DepthwiseShape& shape);

}  // namespace retort::models
