#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort::models {

// Features of a network from another program as rows [N, D]: rows stay as they are; maps [N, D,
// height, width] and tokens [N, tokens, D] are averaged. Throws Error naming `file` on anything
// else.
at::Tensor pooled_features(const at::Tensor& features, const std::string& file);

}  // namespace retort::models
