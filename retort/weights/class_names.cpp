#include "retort/weights/class_names.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>

#include "retort/core/error.h"

namespace retort::weights {
namespace {

using Names = std::vector<std::string>;
using NamesByIndex = std::map<int64_t, std::string>;

std::optional<int64_t> index_from(std::string_view text) {
  int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(index)
                                                                  : std::nullopt;
}

std::optional<Names> in_order(NamesByIndex found) {
  Names names;
  for (auto& [index, name] : found) {
    if (index != static_cast<int64_t>(names.size()))
      throw Error(
          "names its classes by numbers of which " + std::to_string(names.size()) + " is missing",
          "", "number them from 0 on, or use --teacher-head probe");
    names.push_back(std::move(name));
  }
  return names.empty() ? std::nullopt : std::optional(std::move(names));
}

// Parses a dict of names by index as Python prints it: {0: 'cat', 1: "dog's"}.
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

  // Parses a quoted string. Of Python's escapes it knows the quotation mark and the backslash;
  // names have no others.
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

}  // namespace

std::optional<Names> class_names_in(const nlohmann::json& json) {
  if (!json.is_array() && !json.is_object()) return std::nullopt;
  NamesByIndex found;
  for (const auto& [key, name] : json.items()) {
    const std::optional<int64_t> index = index_from(key);
    if (!index || !name.is_string()) return std::nullopt;
    found[*index] = name.get<std::string>();
  }
  return in_order(std::move(found));
}

std::optional<Names> class_names_in_text(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? PythonDict(text).names() : class_names_in(json);
}

}  // namespace retort::weights
