#include "retort/losses/projector.h"

#include <ATen/Functions.h>

#include "retort/core/error.h"

namespace retort::losses {

Projector::Projector(int64_t input_dim, int64_t dim) {
  if (input_dim < 1 || dim < 1) throw Error("needs features of at least one dimension", "projector");
  hidden_ = register_module("hidden", torch::nn::Linear(input_dim, input_dim));
  output_ = register_module("output", torch::nn::Linear(input_dim, dim));
}

at::Tensor Projector::forward(const at::Tensor& features) {
  constexpr double kEps = 1e-12;  // torch.nn.functional.normalize's
  const at::Tensor z = output_->forward(at::relu(hidden_->forward(features)));
  return z / at::linalg_vector_norm(z, 2, {1}, /*keepdim=*/true).clamp_min(kEps);
}

}  // namespace retort::losses
