#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::deploy {

// Writes the model, in evaluation mode and fp32, as ONNX: input `images` [batch, 3, size, size]
// with a dynamic batch, output `logits` [batch, C]; metadata `classes` (a JSON list), `preprocess`
// (data::to_json of the spec) and `producer`. The graph is traced by libtorch and translated
// operator by operator, so that a new model family needs nothing here unless it brings a new
// operator. Atomic. Throws Error naming the operator that has no translation.
void write_onnx(const std::filesystem::path& path, models::ImageModel& model,
                const std::vector<std::string>& classes, const data::InputSpec& spec);

}  // namespace retort::deploy
