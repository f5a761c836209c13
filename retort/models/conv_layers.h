#pragma once

#include <cstdint>
#include <memory>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "retort/models/convnet.h"
#include "retort/models/residual.h"

namespace retort::models {

// Layers that several convolutional families share, with torchvision's names (torchvision.ops.misc,
// torchvision.models._utils).

// Rounds to a multiple of 8 that is never more than a tenth below `channels`.
int64_t round_channels(double channels);

// Normal with a mean of 0; timm's trunc_normal_ at so small a deviation that its bounds of ±2 cut
// nothing off.
void truncated_by_two_(const at::Tensor& tensor, double deviation);

struct NormOptions {
  double eps = 1e-5, momentum = 0.1;
};

// Conv2dNormActivation: `0` is the convolution, `1` the batch norm; nullptr for no activation;
// `same`: padded as by conv_same_norm.
class ConvNormActivation : public torch::nn::Module {
 public:
  ConvNormActivation(const torch::nn::Conv2d& conv, Activation activation, NormOptions norm = {},
                     bool same = false);
  at::Tensor forward(const at::Tensor& x);
  torch::nn::BatchNorm2dImpl* norm() { return norm_.get(); }

 private:
  torch::nn::Conv2d conv_;
  torch::nn::BatchNorm2d norm_;
  Activation activation_;
  bool same_;
};

// SqueezeExcitation (Hu et al. 2017, arXiv 1709.01507): each map times
// gate(fc2(activation(fc1(means of all maps)))).
class SqueezeExcitation : public torch::nn::Module {
 public:
  SqueezeExcitation(int64_t channels, int64_t squeezed, Activation activation, Activation gate);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Conv2d squeeze_, excite_;
  Activation activation_, gate_;
};

// Stochastic depth (Huang et al. 2016, arXiv 1603.09382) in torchvision's mode "row": the branch of
// each image is zero with this probability, in [0, 1), and scaled up otherwise. Draws one number an
// image from torch's generator.
at::Tensor drop_branches(const at::Tensor& branch, double probability);

// The InvertedResidual of torchvision's MobileNetV3 and the MBConv of its EfficientNet: expansion,
// where it widens, depthwise convolution, squeeze-and-excitation, where there is one, and
// projection, numbered through below `block`.
class InvertedResidual : public torch::nn::Module, public Residual {
 public:
  struct Options {
    int64_t in, hidden, out, kernel, stride;
    int64_t squeezed = 0;  // channels between; 0 for no squeeze-and-excitation
    Activation activation = relu_;
    Activation squeeze_activation = relu_, gate = at::sigmoid;
    NormOptions norm{};
    bool same = false;  // conv_same_norm's padding
    double drop = 0;    // drop_branches' probability, in training
  };

  explicit InvertedResidual(const Options& options);
  at::Tensor forward(const at::Tensor& input);
  torch::nn::BatchNorm2dImpl* branch_norm() override {
    return residual_ ? project_->norm() : nullptr;
  }

 private:
  bool residual_;
  double drop_;
  std::shared_ptr<ConvNormActivation> expand_, depthwise_, project_;
  std::shared_ptr<SqueezeExcitation> squeeze_;
};

}  // namespace retort::models
