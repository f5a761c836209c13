#pragma once

#include <ATen/core/Tensor.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::kernels {

// Whether depthwise_output() takes this shape and is faster than libtorch there: a 3×3 kernel with
// a horizontal stride of 1 or 2, at least kWideDepthwiseChannels channels and 4 output columns, on
// a processor with AVX-512. Padding may be negative: rows and columns at the edges of the input are
// then skipped.
bool is_fast_depthwise(const DepthwiseShape& shape);

// The output [N, C, out height, out width] of a depthwise convolution of an input [N, C, height,
// width], both bfloat16 in channels-last, with weights [C, 1, 3, 3] and a bias [C] that may be
// undefined. Sums are in float. Call it only where is_fast_depthwise(shape).
at::Tensor depthwise_output(const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const DepthwiseShape& shape);

}  // namespace retort::kernels
