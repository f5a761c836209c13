#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

namespace retort::models {

// Square kernel, no bias, zero padding of (kernel - 1) / 2 on every side.
torch::nn::Conv2d bare_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1,
                            int64_t groups = 1);

// A few work in place (their names end in `_`): nobody else may need their input, as is so for a
// batch norm's output. at::hardswish, at::silu, at::sigmoid and at::hardsigmoid fit as they are.
using Activation = at::Tensor (*)(const at::Tensor&);
at::Tensor relu_(const at::Tensor& x);
at::Tensor relu6_(const at::Tensor& x);

// The batch norm of the convolution of x, and the activation of that; nullptr for none. Where
// nothing is learned (in evaluation, without gradients) the norm is folded into the kernel: one
// pass over the maps less, and values within rounding.
at::Tensor conv_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                     Activation activation = nullptr);
// The same, padded as TensorFlow's "SAME": ceil(size / stride) outputs, an odd pixel of padding at
// the bottom and right. Where padding is odd, the convolution pads by a stride more at the top and
// left, and the outputs that this adds are cut off: the input need not be copied.
at::Tensor conv_same_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm,
                          const at::Tensor& x, Activation activation = nullptr);

// Every convolution under the module, in the order of registration: the order in which the public
// implementations draw their weights.
std::vector<torch::nn::Conv2dImpl*> convolutions_of(torch::nn::Module& module);

// timm's initialisation of EfficientNets and MobileNets: every convolution under the module normal
// with variance 2 / (outputs of a group × kernel area).
void initialise_by_group_outputs(torch::nn::Module& module);

}  // namespace retort::models
