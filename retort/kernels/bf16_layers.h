#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

namespace retort::models {

// What stands between convolutions, in bfloat16 on a processor: libtorch's kernels take several
// times as long as reading and writing the maps does. Maps are [N, C, H, W] in channels-last; what
// is of channels is [C], in float, and sums are, too, the same for any number of threads.

// Whether these are such maps, and there are any.
bool are_bf16_maps(const at::Tensor& x);

// Over images and places: the mean, and the mean squared difference from it.
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

// Of maps, weight and bias, by the gradient of what came out; none passes where that was cut off.
std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients_of(const at::Tensor& gradient,
                                                            const at::Tensor& maps,
                                                            const BatchNorm& norm);

}  // namespace retort::models
