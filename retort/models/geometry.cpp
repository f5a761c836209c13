#include "retort/models/geometry.h"

#include "retort/core/error.h"
#include "retort/weights/shape_text.h"

namespace retort::models {
namespace {

constexpr int64_t kMostBlocks = 256;

const nlohmann::json* find_option(const ModelSpec& spec, const char* key) {
  const auto found = spec.options.find(key);
  return found == spec.options.end() ? nullptr : &*found;
}

[[noreturn]] void refuse(const ModelSpec& spec, const char* key, const std::string& wanted) {
  throw UsageError(std::string(key) + " is " + wanted + ", not " + spec.options.at(key).dump(),
                   spec.arch);
}

bool is_within(const nlohmann::json& value, int64_t low, int64_t high) {
  return value.is_number_integer() && value.get<int64_t>() >= low && value.get<int64_t>() <= high;
}

std::string range_text(int64_t low, int64_t high) {
  return "in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
}

}  // namespace

Wholes Shapes::of(const std::string& tensor, int64_t dimensions) const {
  const std::string name = name_in_file(naming_, tensor);
  const auto found = file_.find(name);
  if (found == file_.end()) throw Error("tensor '" + name + "' is missing");
  Wholes shape = found->second.sizes().vec();
  const auto rank = static_cast<size_t>(dimensions);
  if (naming_.singletons)
    while (shape.size() > rank && shape.back() == 1) shape.pop_back();
  if (shape.size() != rank || found->second.numel() == 0)
    throw Error("tensor '" + name + "' is " + weights::shape_text(found->second.sizes()) +
                ", not of " + std::to_string(dimensions) + " dimensions, none of them empty");
  return shape;
}

void Shapes::require(const std::string& tensor, const Wholes& shape) const {
  const Wholes found = of(tensor, static_cast<int64_t>(shape.size()));
  if (found != shape)
    throw Error("tensor '" + name_in_file(naming_, tensor) + "' is " + weights::shape_text(found) +
                ", not " + weights::shape_text(shape) + " as the tensors around it ask");
}

bool Shapes::has(const std::string& module) const {
  const std::string prefix = naming_.in_file(module) + ".";
  const auto found = file_.lower_bound(prefix);
  return found != file_.end() && found->first.starts_with(prefix);
}

int64_t Shapes::count(const std::string& prefix) const {
  for (int64_t i = kMostBlocks; i > 0; --i)
    if (has(prefix + std::to_string(i - 1))) return i;
  return 0;
}

bool has_part(const StateDict& file, const std::string& part) {
  return std::ranges::any_of(
      file, [&](const auto& item) { return item.first.find(part) != std::string::npos; });
}

std::vector<std::string> split_name(const std::string& name) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t dot = name.find('.'); dot != std::string::npos;
       from = dot + 1, dot = name.find('.', from))
    parts.push_back(name.substr(from, dot - from));
  parts.push_back(name.substr(from));
  return parts;
}

int64_t whole_option(const ModelSpec& spec, const char* key, int64_t otherwise, int64_t low,
                     int64_t high) {
  const nlohmann::json* option = find_option(spec, key);
  if (option == nullptr) return otherwise;
  if (!is_within(*option, low, high)) refuse(spec, key, "a whole number " + range_text(low, high));
  return option->get<int64_t>();
}

Wholes wholes_option(const ModelSpec& spec, const char* key, const Wholes& otherwise, int64_t low,
                     int64_t high) {
  const nlohmann::json* option = find_option(spec, key);
  if (option == nullptr) return otherwise;
  const bool fits = option->is_array() && option->size() == otherwise.size() &&
                    std::ranges::all_of(*option, [&](const nlohmann::json& value) {
                      return is_within(value, low, high);
                    });
  if (!fits)
    refuse(spec, key, std::to_string(otherwise.size()) + " whole numbers " + range_text(low, high));
  return option->get<Wholes>();
}

bool flag_option(const ModelSpec& spec, const char* key, bool otherwise) {
  const nlohmann::json* option = find_option(spec, key);
  if (option == nullptr) return otherwise;
  if (!option->is_boolean()) refuse(spec, key, "true or false");
  return option->get<bool>();
}

double rate_option(const ModelSpec& spec, const char* key, double otherwise) {
  const nlohmann::json* option = find_option(spec, key);
  if (option == nullptr) return otherwise;
  const double rate = option->is_number() ? option->get<double>() : -1;
  if (!(rate >= 0 && rate < 1)) refuse(spec, key, "a number in [0, 1)");
  return rate;
}

}  // namespace retort::models
