#pragma once

#include <torch/nn/modules/batchnorm.h>

namespace retort::models {

// A block of convolutions with a branch that may be added to what came in.
class Residual {
 public:
  virtual ~Residual() = default;
  // The batch norm that ends the branch; null where nothing is added.
  virtual torch::nn::BatchNorm2dImpl* branch_norm() = 0;
};

// Scales the end of every residual branch under the module to zero, so that its blocks pass on what
// comes in until they have learned better (Goyal et al. 2017, arXiv 1706.02677, section 5.1;
// torchvision's zero_init_residual). Networks without such branches stay as they are.
void zero_init_residual(torch::nn::Module& network);

}  // namespace retort::models
