#include "retort/models/conv_layers.h"

#include <numbers>

namespace retort::models {

int64_t round_channels(double channels) {
  const int64_t rounded = std::max<int64_t>(8, static_cast<int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

void truncated_by_two_(const at::Tensor& tensor, double deviation) {
  const at::NoGradGuard no_grad;
  tensor.uniform_(-1, 1).erfinv_().mul_(deviation * std::numbers::sqrt2).clamp_(-2, 2);
}

ConvNormActivation::ConvNormActivation(const torch::nn::Conv2d& conv, Activation activation,
                                       NormOptions norm, bool same)
    : conv_(register_module("0", conv)),
      norm_(register_module(
          "1", torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(conv->options.out_channels())
                                          .eps(norm.eps)
                                          .momentum(norm.momentum)))),
      activation_(activation),
      same_(same) {}

at::Tensor ConvNormActivation::forward(const at::Tensor& x) {
  return same_ ? conv_same_norm(conv_, norm_, x, activation_)
               : conv_norm(conv_, norm_, x, activation_);
}

SqueezeExcitation::SqueezeExcitation(int64_t channels, int64_t squeezed, Activation activation,
                                     Activation gate)
    : squeeze_(register_module("fc1",
                               torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, squeezed, 1)))),
      excite_(register_module("fc2",
                              torch::nn::Conv2d(torch::nn::Conv2dOptions(squeezed, channels, 1)))),
      activation_(activation),
      gate_(gate) {}

at::Tensor SqueezeExcitation::forward(const at::Tensor& x) {
  const at::Tensor means = at::adaptive_avg_pool2d(x, {1, 1});
  return gate_(excite_->forward(activation_(squeeze_->forward(means)))) * x;
}

at::Tensor drop_branches(const at::Tensor& branch, double probability) {
  std::vector<int64_t> shape(static_cast<size_t>(branch.dim()), 1);
  shape[0] = branch.size(0);
  return branch *
         at::empty(shape, branch.options()).bernoulli_(1 - probability).div_(1 - probability);
}

InvertedResidual::InvertedResidual(const Options& options)
    : residual_(options.stride == 1 && options.in == options.out), drop_(options.drop) {
  const auto block = register_module("block", std::make_shared<Holder>());
  int number = 0;
  const auto add = [&](auto layer) {
    return block->register_module(std::to_string(number++), std::move(layer));
  };
  const auto conv = [&](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups,
                        Activation activation) {
    return add(std::make_shared<ConvNormActivation>(bare_conv(in, out, kernel, stride, groups),
                                                    activation, options.norm, options.same));
  };
  const int64_t hidden = options.hidden;
  if (hidden != options.in) expand_ = conv(options.in, hidden, 1, 1, 1, options.activation);
  depthwise_ = conv(hidden, hidden, options.kernel, options.stride, hidden, options.activation);
  if (options.squeezed > 0)
    squeeze_ = add(std::make_shared<SqueezeExcitation>(hidden, options.squeezed,
                                                       options.squeeze_activation, options.gate));
  project_ = conv(hidden, options.out, 1, 1, 1, nullptr);
}

at::Tensor InvertedResidual::forward(const at::Tensor& input) {
  at::Tensor x = expand_ ? expand_->forward(input) : input;
  x = depthwise_->forward(x);
  if (squeeze_) x = squeeze_->forward(x);
  x = project_->forward(x);
  if (!residual_) return x;
  if (is_training() && drop_ > 0) x = drop_branches(x, drop_);
  return x.add_(input);
}

}  // namespace retort::models
