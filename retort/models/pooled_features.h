#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

// The features of a network that is not retort's own, as rows [N, D]: rows stay as they are; maps
// [N, D, height, width] are averaged over positions and tokens [N, tokens, D] over tokens. Throws
// Error, naming `file`, on anything else.
at::Tensor pooled_features(const at::Tensor& features, const std::string& file);

}  // namespace retort::models
