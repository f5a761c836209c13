#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace retort::models {

// The names of the classes that the classifier in these weights was trained for, in the order of
// its outputs, from `classes` in the metadata of a file that retort wrote, from a folder's
// config.json (`id2label` of transformers; `label_names` of timm, or else `label_descriptions`), or
// from `classes` or Ultralytics' `names` in a graph's metadata. Nothing where there are no names,
// or only placeholders such as LABEL_0. There may be fewer or more names than outputs. Throws
// Error, naming the file, when the weights or config.json cannot be read.
std::optional<std::vector<std::string>> head_classes(const std::filesystem::path& weights);

}  // namespace retort::models
