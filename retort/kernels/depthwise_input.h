#pragma once

#include <ATen/core/Tensor.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::models {

// The gradient of a depthwise convolution's input, [N, C, height, width] in channels-last, of that
// of its output, which is in channels-last, and of its weights, [C, 1, kernel height, kernel
// width]. All are bfloat16; sums are in float.
at::Tensor depthwise_input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                                    const DepthwiseShape& shape);

}  // namespace retort::models
