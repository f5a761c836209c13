#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/safetensors.h"
#include "retort/models/registry.h"

namespace retort::models {

// The key in the metadata of a safetensors file that retort wrote; its value is to_json of the
// network's spec.
inline constexpr const char* kSpecKey = "retort.model";
// In the same file, the key of data::to_json of how training prepared the network's images.
inline constexpr const char* kPreprocessKey = "preprocess";

// A network's tensors and their description. Sizes come from the tensors, so that a false
// description cannot ask for a large network.
struct WeightSource {
  StateDict tensors;
  Hints described;  // arch is that of retort's own file, or timm's name; retort may not know it
  // How images for these weights are prepared, as data::to_json writes it.
  std::optional<nlohmann::json> preprocess;
  std::string set;                  // the set of weights that was read; may be empty
  std::vector<std::string> others;  // other sets in the file
};

// Splits "FILE#model_ema" into the file and the set of weights in it. A path that exists as written
// has no set.
struct WeightPath {
  std::filesystem::path path;
  std::string set;
};
WeightPath weight_path(const std::filesystem::path& named);

// Reads a weight file of any kind (weight_file.h), one of the sets in it (FILE#SET), or a model's
// folder as timm and transformers save it and as a hub's cache holds it (hub/snapshot.h,
// hub/description.h), with weights in one file or in shards. Throws Error, naming the file, when
// one is missing or malformed, or describes a network that retort does not build.
WeightSource read_weight_source(const std::filesystem::path& path);

}  // namespace retort::models
