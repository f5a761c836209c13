#pragma once

#include <torch/nn/modules/batchnorm.h>

namespace retort::models {

// A block of convolutions whose branch may be added to its input.
class Residual {
 public:
  virtual ~Residual() = default;
  // The batch norm at the end of the branch; null where the branch is not added.
  virtual torch::nn::BatchNorm2dImpl* branch_norm() = 0;
};

// Sets the weights of every branch_norm() under the module to zero, so that such blocks start as
// the identity (Goyal et al. 2017, arXiv 1706.02677, section 5.1; torchvision's
// zero_init_residual). Networks without such blocks stay as they are.
void zero_init_residual(torch::nn::Module& network);

}  // namespace retort::models
