#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

namespace retort::kernels {

// Batch norm and its activation in bfloat16 on the CPU, where libtorch's kernels take several times
// as long as reading and writing the maps. Maps are [N, C, H, W] in channels-last; statistics and
// parameters are float [C]. Sums are in float, and results do not depend on the number of threads.

// Whether x is such maps, on the CPU and not empty. The functions below require it of their maps
// and gradients, and do not check it.
bool are_bf16_maps(const at::Tensor& x);

// The mean over images and positions and the biased variance, each [C].
std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& maps);

struct Bounds {
  float low, high;
};

// Batch norm and ReLU or ReLU6 in one pass: weight · (x − mean) · inverse_std + bias for each
// channel, clamped to the bounds (infinite bounds do not clamp). mean and inverse_std are the
// batch's own.
struct BatchNorm {
  at::Tensor mean, inverse_std, weight, bias;
  Bounds bounds;
};
at::Tensor normed(const at::Tensor& maps, const BatchNorm& norm);

// The gradients of maps, weight and bias, from the gradient of the output. They include the
// gradient through mean and inverse_std. Clamped outputs pass no gradient back.
std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients_of(const at::Tensor& gradient,
                                                            const at::Tensor& maps,
                                                            const BatchNorm& norm);

}  // namespace retort::kernels
