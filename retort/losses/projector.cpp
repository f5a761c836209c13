#include "retort/losses/projector.h"

#include <ATen/Functions.h>

#include "retort/core/error.h"

namespace retort::losses {

at::Tensor unit_rows(const at::Tensor& z) {
  constexpr double kEps = 1e-12;  // torch.nn.functional.normalize's
  return z / at::linalg_vector_norm(z, 2, {1}, /*keepdim=*/true).clamp_min(kEps);
}

Projector::Projector(int64_t input_dim, int64_t dim, const std::string& kind) {
  if (input_dim < 1 || dim < 1)
    throw Error("needs features of at least one dimension", "projector");
  const bool normalised = kind.starts_with("simclr");
  if (kind == "mocov2" || kind == "simclr" || kind == "simclrv2") {
    add("hidden", input_dim, input_dim, normalised);
  } else if (kind != "linear") {
    throw UsageError("there is no projector named `" + kind + "`", "",
                     "name one of: mocov2, simclr, simclrv2, linear");
  }
  if (kind == "simclrv2") add("hidden2", input_dim, input_dim, normalised);
  add("output", input_dim, dim, normalised);
}

void Projector::add(const std::string& name, int64_t in, int64_t out, bool normalised) {
  Layer layer;
  layer.linear =
      register_module(name, torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(!normalised)));
  if (normalised) layer.norm = register_module(name + "_norm", torch::nn::BatchNorm1d(out));
  layers_.push_back(std::move(layer));
}

at::Tensor Projector::forward(const at::Tensor& features) {
  at::Tensor z = features;
  for (size_t i = 0; i < layers_.size(); ++i) {
    z = layers_[i].linear->forward(i == 0 ? z : at::relu(z));
    if (layers_[i].norm) z = layers_[i].norm->forward(z);
  }
  return unit_rows(z);
}

}  // namespace retort::losses
