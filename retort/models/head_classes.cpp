#include "retort/models/head_classes.h"

#include <array>
#include <fstream>

#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/safetensors.h"
#include "retort/hub/field.h"
#include "retort/hub/snapshot.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/weight_source.h"
#include "retort/weights/class_names.h"

namespace retort::models {
namespace fs = std::filesystem;
namespace {

using Names = std::vector<std::string>;

// transformers and Ultralytics number classes that have no names.
bool are_stand_ins(const Names& names) {
  const auto numbered = [&](const char* word) {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] != word + std::to_string(i)) return false;
    return true;
  };
  return numbered("LABEL_") || numbered("class");
}

std::optional<Names> names_in_config(const nlohmann::json& config) {
  if (const auto labels = config.find("id2label"); labels != config.end())
    return weights::class_names_in(*labels);
  const auto given = config.find("pretrained_cfg");
  for (const char* key : {"label_names", "labels", "label_descriptions"}) {
    for (const nlohmann::json* place : {&config, given == config.end() ? nullptr : &*given}) {
      if (place == nullptr || !place->is_object() || !place->contains(key)) continue;
      if (auto names = weights::class_names_in(place->at(key))) return names;
    }
  }
  return std::nullopt;
}

std::optional<Names> names_in_folder(const fs::path& path) {
  const fs::path config = hub::snapshot_at(path).folder / "config.json";
  std::error_code ignored;
  return fs::exists(config, ignored) ? names_in_config(hub::read_object(config)) : std::nullopt;
}

std::optional<Names> names_in_graph(const fs::path& path) {
  for (const char* key : {"classes", "names"}) {
    const std::optional<std::string> text = graph_metadata(path, key);
    if (!text) continue;
    if (auto names = weights::class_names_in_text(*text)) return names;
  }
  return std::nullopt;
}

bool is_safetensors(const fs::path& path) {
  std::array<char, 9> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return start.back() == '{';
}

// In the files of other programs `classes` may mean anything.
std::optional<Names> names_in_file(const fs::path& path) {
  if (!is_safetensors(path)) return std::nullopt;
  const Metadata metadata = read_safetensors_header(path).metadata;
  const auto found = metadata.find("classes");
  return found != metadata.end() && metadata.contains(kSpecKey)
             ? weights::class_names_in_text(found->second)
             : std::nullopt;
}

std::optional<Names> names_at(const fs::path& weights) {
  std::error_code ignored;
  if (fs::is_directory(weights, ignored)) return names_in_folder(weights);
  return names_graph(weights) ? names_in_graph(weights) : names_in_file(weights);
}

}  // namespace

std::optional<std::vector<std::string>> head_classes(const fs::path& weights) {
  std::optional<Names> names;
  try {
    names = names_at(weights);
  } catch (const Error& error) {
    const auto& [what, where, mend] = error.parts();
    throw Error(what, where.empty() ? weights.string() : where, mend);
  }
  return names && are_stand_ins(*names) ? std::nullopt : names;
}

}  // namespace retort::models
