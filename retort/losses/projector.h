#pragma once

#include <cstdint>

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

namespace retort::losses {

// MoCo v2's projector (Chen et al. 2020): Linear(D, D) – ReLU – Linear(D, dim) – L2 normalisation. Farhat & Chen put one on each side and
// train both.
class Projector : public torch::nn::Module {
 public:
  explicit Projector(int64_t input_dim, int64_t dim = 128);
  // [N, D] to unit rows [N, dim]
  at::Tensor forward(const at::Tensor& features);

 private:
  torch::nn::Linear hidden_{nullptr}, output_{nullptr};
};

}  // namespace retort::losses
