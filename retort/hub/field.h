#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace retort::hub {

// Parses a JSON object from an untrusted file or answer. Throws Error, naming `where`, when it is
// not valid JSON, is not an object, or is nested more than 32 deep.
nlohmann::json parse_object(std::string_view text, const std::string& where);

// The same from a file of at most 64 MB.
nlohmann::json read_object(const std::filesystem::path& path);

// A value in such an object, together with its path ("config.json: vision_config.hidden_size"),
// which every Error names. It refers to the JSON object, which must outlive it.
class Field {
 public:
  Field(const nlohmann::json& value, std::string file) : value_(&value), file_(std::move(file)) {}

  // The value of this key; nothing where it is missing or null. Throws Error when this is not an
  // object.
  std::optional<Field> find(const std::string& key) const;
  // The same, but throws Error where find() returns nothing.
  Field at(const std::string& key) const;

  // Each throws Error when the value is of another type, or outside [low, high].
  int64_t whole(int64_t low, int64_t high) const;
  double number(double low, double high) const;
  bool truth() const;
  std::string text() const;                                     // at most 1,000 bytes
  std::array<double, 3> triple(double low, double high) const;  // a list of three numbers

  bool is_object() const { return value_->is_object(); }
  bool is_array() const { return value_->is_array(); }
  size_t size() const { return value_->size(); }
  Field item(size_t index) const;  // of an array
  const nlohmann::json& value() const { return *value_; }

  [[noreturn]] void fail(const std::string& what, const std::string& mend = "") const;

 private:
  Field(const nlohmann::json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  const nlohmann::json* value_;
  std::string file_, path_;
};

}  // namespace retort::hub
