#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

namespace retort::kernels {

// Batch norm and its activation in bfloat16 on the CPU, for which libtorch's kernels take several
// times as long as reading and writing the maps. Maps are [N, C, H, W] in channels-last. Values by
// channel are float [C]. Sums are in float, and the same for any number of threads.

// Whether x is such maps, and is not empty.
bool are_bf16_maps(const at::Tensor& x);

// The mean over images and places, and the mean squared difference from it, each [C].
std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& maps);

struct Bounds {
  float low, high;
};

// weight · (x - mean) · inverse_std + bias by channel, with the batch's own moments, cut off at the
// bounds (infinite: not at all): batch norm and ReLU or ReLU6 in one pass.
struct BatchNorm {
  at::Tensor mean, inverse_std, weight, bias;
  Bounds bounds;
};
at::Tensor normed(const at::Tensor& maps, const BatchNorm& norm);

// Gradients of maps, weight and bias, from the gradient of the output. Nothing passes back where
// the output was cut off.
std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients_of(const at::Tensor& gradient,
                                                            const at::Tensor& maps,
                                                            const BatchNorm& norm);

}  // namespace retort::kernels
