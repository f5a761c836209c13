#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include <torch/autograd.h>

namespace retort::testing {

// The largest difference between autograd's gradient of a scalar function and central differences,
// over every element of the inputs: fp64 leaves that require a gradient.
inline double gradient_error(const std::function<at::Tensor()>& function,
                             const std::vector<at::Tensor>& inputs, double step = 1e-5) {
  const std::vector<at::Tensor> gradients = torch::autograd::grad({function()}, inputs);
  const at::NoGradGuard no_grad;
  double worst = 0;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const at::Tensor values = inputs[k].view(-1);
    const at::Tensor gradient = gradients[k].contiguous().view(-1);
    for (int64_t i = 0; i < values.numel(); ++i) {
      const double value = values[i].item<double>();
      values[i].fill_(value + step);
      const double above = function().item<double>();
      values[i].fill_(value - step);
      const double below = function().item<double>();
      values[i].fill_(value);
      worst = std::max(worst, std::abs((above - below) / (2 * step) - gradient[i].item<double>()));
    }
  }
  return worst;
}

}  // namespace retort::testing
