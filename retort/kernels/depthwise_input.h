#pragma once

#include <ATen/core/Tensor.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::kernels {

// The gradient of a depthwise convolution's input, [N, C, height, width] in channels-last, from the
// gradient of its output, in channels-last, and its weights, [C, 1, kernel height, kernel width].
// All are bfloat16; sums are in float.
at::Tensor depthwise_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                    const DepthwiseShape& shape);

}  // namespace retort::kernels
