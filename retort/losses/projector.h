#pragma once

#include <cstdint>
#include <string>

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

namespace retort::losses {

// The rows of z [N, D] scaled to L2 norm 1, as by torch.nn.functional.normalize; a row of zeros
// stays zeros.
at::Tensor unit_rows(const at::Tensor& z);

// Maps features [N, D] to unit rows [N, dim]. The kinds, each followed by L2 normalisation:
//   mocov2    Linear(D, D), ReLU, Linear(D, dim)          Chen et al. 2020, arXiv 2003.04297
//   simclr    Linear(D, D), BN, ReLU, Linear(D, dim), BN  Chen et al. 2020, arXiv 2002.05709
//   simclrv2  the same with two hidden layers             Chen et al. 2020, arXiv 2006.10029
//   linear    Linear(D, dim)                              Tian et al. 2020, arXiv 1910.10699
// Farhat & Chen (2024) use mocov2 on both sides.
// Linear layers before a batch norm have no bias.
class Projector : public torch::nn::Module {
 public:
  // Throws Error on a dimension below 1 and UsageError on another kind.
  explicit Projector(int64_t input_dim, int64_t dim = 128, const std::string& kind = "mocov2");
  at::Tensor forward(const at::Tensor& features);

 private:
  struct Layer {
    torch::nn::Linear linear{nullptr};
    torch::nn::BatchNorm1d norm{nullptr};  // empty without batch norm
  };
  void add(const std::string& name, int64_t in, int64_t out, bool normalised);
  std::vector<Layer> layers_;  // with ReLU between them
};

}  // namespace retort::losses
