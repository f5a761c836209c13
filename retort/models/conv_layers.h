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

// Fills with normal values of mean 0. This is timm's trunc_normal_ for deviations so small that its
// bounds of ±2 cut nothing off.
void truncated_by_two_(const at::Tensor& tensor, double deviation);

struct NormOptions {
  double eps = 1e-5, momentum = 0.1;
};

// torchvision's Conv2dNormActivation: `0` is the convolution, `1` the batch norm. activation:
// nullptr for none; same: pads as conv_same_norm does.
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

// SqueezeExcitation (Hu et al. 2017, arXiv 1709.01507): multiplies each map by its value of
// gate(fc2(activation(fc1(means of all maps)))).
class SqueezeExcitation : public torch::nn::Module {
 public:
  SqueezeExcitation(int64_t channels, int64_t squeezed, Activation activation, Activation gate);
  at::Tensor forward(const at::Tensor& x);

 private:
  torch::nn::Conv2d squeeze_, excite_;
  Activation activation_, gate_;
};

// Stochastic depth (Huang et al. 2016, arXiv 1603.09382) in torchvision's mode "row": each image's
// branch is set to zero with this probability, in [0, 1), and otherwise divided by 1 − probability.
// It draws one number an image from torch's generator.
at::Tensor drop_branches(const at::Tensor& branch, double probability);

// The InvertedResidual of torchvision's MobileNetV3 and the MBConv of its EfficientNet: an
// expansion (where hidden differs from in), a depthwise convolution, squeeze-and-excitation (where
// squeezed > 0) and a projection, numbered in this order below `block`.
class InvertedResidual : public torch::nn::Module, public Residual {
 public:
  struct Options {
    int64_t in, hidden, out, kernel, stride;
    int64_t squeezed = 0;  // hidden channels of squeeze-and-excitation; 0 for none
    Activation activation = relu_;
    Activation squeeze_activation = relu_, gate = at::sigmoid;
    NormOptions norm{};
    bool same = false;  // pads as conv_same_norm does
    double drop = 0;    // probability of drop_branches, in training
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
