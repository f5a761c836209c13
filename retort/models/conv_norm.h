#pragma once

#include <cstdint>
#include <vector>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

namespace retort::models {

// A convolution with a square kernel, without bias, with zero padding of (kernel − 1) / 2 on every
// side.
torch::nn::Conv2d bare_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1,
                            int64_t groups = 1);

// Activations whose names end in `_` work in place. Nothing else may need their input; this holds
// for the output of a batch norm. at::hardswish, at::silu, at::sigmoid and at::hardsigmoid can be
// used as they are.
using Activation = at::Tensor (*)(const at::Tensor&);
at::Tensor relu_(const at::Tensor& x);
at::Tensor relu6_(const at::Tensor& x);

// Applies the convolution, its batch norm and the activation (nullptr for none) to x. In evaluation
// without gradients the norm is folded into the kernel, where the maps are larger than the kernel:
// this saves a pass over the maps, and results differ by rounding only.
at::Tensor conv_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                     Activation activation = nullptr);
// The same, padded as TensorFlow's "SAME": ceil(size / stride) outputs, an odd pixel of padding at
// the bottom and right. Where the padding is odd, the convolution pads one stride more at the top
// and left, and the additional outputs are cut off, so that the input need not be copied.
at::Tensor conv_same_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm,
                          const at::Tensor& x, Activation activation = nullptr);

// Every convolution under the module, in the order of registration, in which the public
// implementations draw their weights.
std::vector<torch::nn::Conv2dImpl*> convolutions_of(torch::nn::Module& module);

// timm's initialisation of EfficientNets and MobileNets: the weights of every convolution under the
// module are normal with variance 2 / (outputs of a group × kernel area).
void initialise_by_group_outputs(torch::nn::Module& module);

}  // namespace retort::models
