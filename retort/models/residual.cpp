#include "retort/models/residual.h"

#include <torch/nn/init.h>

namespace retort::models {

void zero_init_residual(torch::nn::Module& network) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    auto* block = dynamic_cast<Residual*>(module.get());
    auto* norm = block != nullptr ? block->branch_norm() : nullptr;
    if (norm != nullptr) torch::nn::init::zeros_(norm->weight);
  }
}

}  // namespace retort::models
