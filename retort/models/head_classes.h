#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace retort::models {

// The names of the classes that the classifier in these weights was trained for, in the order of
// its outputs, where the weights say so: `classes` in the metadata of a file that retort wrote;
// `id2label` of transformers and `label_names` of timm (or else `label_descriptions`) in a folder's
// config.json; `classes` or Ultralytics' `names` in a graph's metadata. Nothing where there are no
// names, or only stand-ins such as LABEL_0. The names may be fewer or more than the classifier has
// outputs. Throws Error naming the file when the weights or config.json cannot be read.
std::optional<std::vector<std::string>> head_classes(const std::filesystem::path& weights);

}  // namespace retort::models
