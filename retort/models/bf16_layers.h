#pragma once

#include <tuple>

#include <ATen/core/Tensor.h>

namespace retort::models {

// What stands between convolutions, in bfloat16 on a processor: libtorch's kernels take several times as long as reading and writing the
// maps does. Maps are [N, C, H, W] in channels-last; what is of channels is [C], in float, and sums are, too, the same for any number of
// threads.

// Whether these are such maps, and there are any.
bool are_bf16_maps(const at::Tensor& x);

// Over images and places: the mean, and the mean squared difference from it.
std::tuple<at::Tensor, at::Tensor> batch_moments(const at::Tensor& maps);

// scale · x + shift, by channel.
at::Tensor scaled_maps(const at::Tensor& maps, const at::Tensor& scale, const at::Tensor& shift);

// Of batch norm with the batch's own moments, whose output was weight · (x - mean) · inverse_std + bias: the gradients of maps, weight and
// bias.
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm_gradients(const at::Tensor& gradient, const at::Tensor& maps,
                                                                    const at::Tensor& weight, const at::Tensor& mean,
                                                                    const at::Tensor& inverse_std);

// In place, and the gradient by what came out.
void clamp_to_six(at::Tensor& maps);
at::Tensor relu6_gradient(const at::Tensor& gradient, const at::Tensor& output);

}  // namespace retort::models
