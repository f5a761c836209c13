#include "retort/models/pooled_features.h"

#include "retort/core/error.h"

namespace retort::models {

at::Tensor pooled_features(const at::Tensor& features, const std::string& file) {
  if (!features.is_floating_point())
    throw Error("gives features that are not a tensor of numbers", file);
  if (features.dim() == 2) return features;
  if (features.dim() == 3) return features.mean(1);
  if (features.dim() == 4) return features.mean({2, 3});
  throw Error("gives features of " + std::to_string(features.dim()) + " dimensions", file,
              "they must be [N, D], [N, D, height, width] or [N, tokens, D]");
}

}  // namespace retort::models
