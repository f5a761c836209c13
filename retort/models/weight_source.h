#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/safetensors.h"
#include "retort/models/registry.h"

namespace retort::models {

// The metadata of a safetensors file that retort wrote: to_json of the network's spec.
inline constexpr const char* kSpecKey = "retort.model";
// The same file's: data::to_json of how the network's images were prepared in training.
inline constexpr const char* kPreprocessKey = "preprocess";

// A network's tensors, and what lies beside them in words; sizes are the tensors' own, so that a
// description that lies about them cannot ask for a large network.
struct WeightSource {
  StateDict tensors;
  Hints described;  // arch is that of a file of retort's own or timm's name, whether retort knows
                    // it or not
  // How the weights want their images, as data::to_json writes it.
  std::optional<nlohmann::json> preprocess;
  std::string set;                  // which of several sets of weights these are; or empty
  std::vector<std::string> others;  // the other sets beside them
};

// "FILE#model_ema" as the file and the set of weights in it that is wanted; a path that is there as
// it is written has none.
struct WeightPath {
  std::filesystem::path path;
  std::string set;
};
WeightPath weight_path(const std::filesystem::path& named);

// Of a weight file of any kind (weight_file.h), or of one of the sets in it (FILE#SET); or of a
// model's folder as timm and transformers save it and as a hub's cache holds it (hub/snapshot.h,
// hub/description.h), its weights in one file or in shards. Throws Error naming the file when one
// is missing, malformed, or describes what retort does not build.
WeightSource read_weight_source(const std::filesystem::path& path);

}  // namespace retort::models
