#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

// What a network of another program's gives as features, as rows [N, D]: rows as they are, maps [N,
// D, height, width] and tokens [N, tokens, D] averaged. Throws Error naming `file` on anything
// else.
at::Tensor pooled_features(const at::Tensor& features, const std::string& file);

}  // namespace retort::models
