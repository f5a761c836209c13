#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace retort::weights {

// The class names in the order of a classifier's outputs, from a list of names or an object of
// names by index. Nothing where the JSON is neither or is empty; throws Error where an index is
// missing.
std::optional<std::vector<std::string>> class_names_in(const nlohmann::json& json);

// The same from a text of a file's metadata: JSON, or a dict of names by index as Python prints it,
// {0: 'cat', 1: "dog's"}.
std::optional<std::vector<std::string>> class_names_in_text(const std::string& text);

}  // namespace retort::weights
