#include "retort/models/head_classes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>
#include <map>
#include <string_view>

#include <nlohmann/json.hpp>

#include "retort/core/safetensors.h"
#include "retort/hub/field.h"
#include "retort/hub/snapshot.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/weight_source.h"

namespace retort::models {
namespace fs = std::filesystem;
namespace {

using Names = std::vector<std::string>;
using NamesByIndex = std::map<int64_t, std::string>;

std::optional<int64_t> index_from(std::string_view text) {
  int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(index)
                                                                  : std::nullopt;
}

// Nothing where an index is missing.
std::optional<Names> in_order(NamesByIndex found) {
  Names names;
  for (auto& [index, name] : found) {
    if (index != static_cast<int64_t>(names.size())) return std::nullopt;
    names.push_back(std::move(name));
  }
  return names.empty() ? std::nullopt : std::optional(std::move(names));
}

// A list of names, or an object of names by index.
std::optional<Names> names_from(const nlohmann::json& json) {
  if (!json.is_array() && !json.is_object()) return std::nullopt;
  NamesByIndex found;
  for (const auto& [key, name] : json.items()) {
    const std::optional<int64_t> index = index_from(key);
    if (!index || !name.is_string()) return std::nullopt;
    found[*index] = name.get<std::string>();
  }
  return in_order(std::move(found));
}

// Reads how Python prints a dict of names by index: {0: 'cat', 1: "dog's"}.
class PythonDict {
 public:
  explicit PythonDict(std::string_view text) : rest_(text) {}

  std::optional<Names> names() {
    if (!take('{')) return std::nullopt;
    NamesByIndex found;
    while (!take('}')) {
      const std::optional<int64_t> index = number();
      if (!index || !take(':')) return std::nullopt;
      std::optional<std::string> name = quoted();
      if (!name) return std::nullopt;
      found[*index] = std::move(*name);
      if (!take(',') && !rest_.starts_with('}')) return std::nullopt;
    }
    return in_order(std::move(found));
  }

 private:
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  bool take(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<int64_t> number() {
    skip_blanks();
    const std::string_view digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
    rest_.remove_prefix(digits.size());
    return index_from(digits);
  }

  // Python escapes the quotation mark, the backslash, and what cannot be printed, which names lack.
  std::optional<std::string> quoted() {
    skip_blanks();
    if (!rest_.starts_with('\'') && !rest_.starts_with('"')) return std::nullopt;
    const char mark = rest_.front();
    std::string text;
    for (size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == mark) {
        rest_.remove_prefix(at + 1);
        skip_blanks();
        return text;
      }
      if (rest_[at] == '\\') ++at;
      if (at < rest_.size()) text += rest_[at];
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

std::optional<Names> names_from_text(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? PythonDict(text).names() : names_from(json);
}

// transformers numbers classes that have no names, and so does Ultralytics.
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
    return names_from(*labels);
  const auto given = config.find("pretrained_cfg");
  for (const char* key : {"label_names", "labels", "label_descriptions"}) {
    for (const nlohmann::json* place : {&config, given == config.end() ? nullptr : &*given}) {
      if (place == nullptr || !place->is_object() || !place->contains(key)) continue;
      if (auto names = names_from(place->at(key))) return names;
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
    if (auto names = names_from_text(*text)) return names;
  }
  return std::nullopt;
}

bool is_safetensors(const fs::path& path) {
  std::array<char, 9> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  return start.back() == '{';
}

// Other programs' `classes` may mean anything.
std::optional<Names> names_in_file(const fs::path& path) {
  if (!is_safetensors(path)) return std::nullopt;
  const Metadata metadata = read_safetensors_header(path).metadata;
  const auto found = metadata.find("classes");
  return found != metadata.end() && metadata.contains(kSpecKey) ? names_from_text(found->second)
                                                                : std::nullopt;
}

std::optional<Names> names_at(const fs::path& weights) {
  std::error_code ignored;
  if (fs::is_directory(weights, ignored)) return names_in_folder(weights);
  return names_graph(weights) ? names_in_graph(weights) : names_in_file(weights);
}

}  // namespace

std::optional<std::vector<std::string>> head_classes(const fs::path& weights) {
  std::optional<Names> names = names_at(weights);
  return names && are_stand_ins(*names) ? std::nullopt : names;
}

}  // namespace retort::models
