#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::deploy {

// Writes the model, in evaluation mode and fp32, as ONNX: input `images` [batch, 3, size, size]
// with a dynamic batch, output `logits` [batch, C]; metadata `classes` (a JSON list), `preprocess`
// (data::to_json of the spec) and `producer`. The graph is traced by libtorch and translated
// operator by operator, so that a new model family needs a change here only if it has a new
// operator. The file is written atomically. Throws Error, naming the file, on an operator without a
// translation (naming it), as trace_graph does, where the logits are not one for each class, and
// above ONNX's 2 GB.
void write_onnx(const std::filesystem::path& path, models::ImageModel& model,
                const std::vector<std::string>& classes, const data::InputSpec& spec);

}  // namespace retort::deploy
