#pragma once

#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::deploy {

// Small models for images of 32 × 32, which together use all operators that have a translation (one
// of each set of aliases), in their usual forms.
std::vector<std::string> operator_groups();
models::ModelPtr operators_model(const std::string& group);

}  // namespace retort::deploy
