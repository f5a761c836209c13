#include "retort/hub/description.h"

#include <initializer_list>

#include "retort/core/error.h"
#include "retort/hub/describe.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxCount = int64_t{1} << 24;

// Keys of config.json whose values, whole numbers or lists of them, models are built from.
constexpr std::initializer_list<const char*> kCounts{
    "hidden_size",         "hidden_sizes",   "intermediate_size",   "num_hidden_layers",
    "num_attention_heads", "patch_size",     "image_size",          "num_channels",
    "embed_dim",           "depths",         "num_heads",           "embedding_size",
    "layer_depths",        "vocab_size",     "num_labels",          "num_features",
    "num_classes",         "projection_dim", "num_register_tokens", "window_size"};

void check_counts(const Field& config) {
  for (const char* key : kCounts) {
    const std::optional<Field> found = config.find(key);
    if (!found) continue;
    if (!found->is_array()) {
      found->whole(0, kMaxCount);
      continue;
    }
    for (size_t i = 0; i < found->size(); ++i) found->item(i).whole(0, kMaxCount);
  }
}

// transformers' wrapper for timm's models writes a config.json that also names timm's architecture.
bool is_timm(const Field& config) {
  return config.find("pretrained_cfg") ||
         (config.find("architecture") && !config.find("model_type"));
}

// transformers prefers the image processor within processor_config.json; older ones hold no such
// part.
Description describe_processor(const fs::path& folder, const Field& config,
                               Description description) {
  const fs::path combined = folder / "processor_config.json",
                 own = folder / "preprocessor_config.json";
  if (fs::exists(combined)) {
    const nlohmann::json object = read_object(combined);
    if (const auto part = Field(object, combined.string()).find("image_processor")) {
      describe_transformers(config, *part, description);
      return description;
    }
  }
  if (!fs::exists(own)) {
    throw Error(
        "lacks preprocessor_config.json, which says how the model wants its images",
        folder.string(),
        "take it from the model's page on the hub, or from the model that this one was made of");
  }
  const nlohmann::json object = read_object(own);
  describe_transformers(config, Field(object, own.string()), description);
  return description;
}

// Checks data::InputSpec's bounds, for every library.
Description checked(Description description, const fs::path& folder) {
  const auto is_within = [](int64_t value, int64_t low, int64_t high) {
    return value >= low && value <= high;
  };
  if (!is_within(description.size, kMinSide, kMaxSide) ||
      !is_within(description.resize, description.size, 100 * description.size)) {
    throw Error(
        "asks for images of " + std::to_string(description.size) + " pixels out of " +
            std::to_string(description.resize) +
            ", which is not supported: the first must be in [16, 1024], and at most the second",
        folder.string());
  }
  return description;
}

}  // namespace

Description describe(const fs::path& folder) {
  const fs::path file = folder / "config.json";
  if (const fs::path own = folder / "open_clip_config.json"; !fs::exists(file) && fs::exists(own)) {
    Description description;
    description.library = "open_clip";
    description.config = read_object(own);
    const nlohmann::json object = description.config;
    describe_open_clip(Field(object, own.string()), description);
    return checked(std::move(description), folder);
  }
  if (!fs::exists(file))
    throw Error("lacks config.json, which says what model this is", folder.string(),
                "give a whole snapshot");
  Description description;
  description.config = read_object(file);
  const nlohmann::json object = description.config;
  const Field config(object, file.string());
  check_counts(config);
  if (const auto vision = config.find("vision_config")) check_counts(*vision);
  if (!is_timm(config)) {
    description.library = "transformers";
    return checked(describe_processor(folder, config, std::move(description)), folder);
  }
  description.library = "timm";
  describe_timm(config, description);
  return checked(std::move(description), folder);
}

nlohmann::json preprocess_of(const Description& description) {
  return {{"resize", description.resize},
          {"crop", description.size},
          {"interpolation", description.interpolation},
          {"mean", description.mean},
          {"std", description.std},
          {"range", {0, 1}}};
}

std::array<double, 3> mean_from(const Field& field) { return field.triple(-1e3, 1e3); }
std::array<double, 3> std_from(const Field& field) { return field.triple(1e-6, 1e3); }

std::array<float, 3> to_floats(const std::array<double, 3>& values) {
  return {static_cast<float>(values[0]), static_cast<float>(values[1]),
          static_cast<float>(values[2])};
}

}  // namespace retort::hub
