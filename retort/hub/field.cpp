#include "retort/hub/field.h"

#include <cmath>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"

namespace retort::hub {
namespace {

constexpr uint64_t kMaxFile = 64'000'000;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxText = 1000;

// A value as a message shows it.
std::string shown(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return value.is_string() ? quote_name(value.get_ref<const std::string&>()) : value.dump();
}

std::string shown(double number) { return nlohmann::json(number).dump(); }

}  // namespace

nlohmann::json parse_object(std::string_view text, const std::string& where) {
  const auto shallow = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxDepth)
      throw Error("is nested more than " + std::to_string(kMaxDepth) + " deep", where);
    return true;
  };
  try {
    nlohmann::json object = nlohmann::json::parse(text.begin(), text.end(), shallow);
    if (!object.is_object()) throw Error("is no JSON object", where);
    return object;
  } catch (const nlohmann::json::parse_error& error) {
    throw Error("is not valid JSON at byte " + std::to_string(error.byte), where);
  } catch (const nlohmann::json::exception&) {
    throw Error("is not valid JSON: a number is too large", where);
  }
}

nlohmann::json read_object(const std::filesystem::path& path) {
  return parse_object(read_file(path, kMaxFile), path.string());
}

void Field::fail(const std::string& what, const std::string& mend) const {
  throw Error(what, path_.empty() ? file_ : file_ + ": " + path_, mend);
}

std::optional<Field> Field::find(const std::string& key) const {
  if (!value_->is_object()) fail("is " + shown(*value_) + ", not an object");
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return Field(*found, file_, path_.empty() ? key : path_ + "." + key);
}

Field Field::at(const std::string& key) const {
  const std::optional<Field> found = find(key);
  if (!found) fail("lacks " + quote_name(key));
  return *found;
}

Field Field::item(size_t index) const {
  if (!value_->is_array()) fail("is " + shown(*value_) + ", not a list");
  if (index >= value_->size()) fail("has only " + std::to_string(value_->size()) + " entries");
  return {value_->at(index), file_, path_ + "[" + std::to_string(index) + "]"};
}

int64_t Field::whole(int64_t low, int64_t high) const {
  // Python writes a whole number as 224.0 where it was computed.
  const double wide = value_->is_number() ? value_->get<double>() : 0;
  if (!value_->is_number() || wide != std::floor(wide))
    fail("is " + shown(*value_) + ", not a whole number");
  if (!(wide >= static_cast<double>(low) && wide <= static_cast<double>(high)))
    fail(shown(*value_) + " is not in [" + std::to_string(low) + ", " + std::to_string(high) + "]");
  return value_->is_number_integer() ? value_->get<int64_t>() : static_cast<int64_t>(wide);
}

double Field::number(double low, double high) const {
  if (!value_->is_number()) fail("is " + shown(*value_) + ", not a number");
  const auto number = value_->get<double>();
  if (!(number >= low && number <= high))
    fail(shown(*value_) + " is not in [" + shown(low) + ", " + shown(high) + "]");
  return number;
}

bool Field::truth() const {
  if (!value_->is_boolean()) fail("is " + shown(*value_) + ", not true or false");
  return value_->get<bool>();
}

std::string Field::text() const {
  if (!value_->is_string()) fail("is " + shown(*value_) + ", not a text");
  const auto& text = value_->get_ref<const std::string&>();
  if (text.size() > kMaxText) fail("is longer than " + std::to_string(kMaxText) + " bytes");
  return text;
}

std::array<double, 3> Field::triple(double low, double high) const {
  if (!value_->is_array() || value_->size() != 3) fail("is not a list of three numbers");
  return {item(0).number(low, high), item(1).number(low, high), item(2).number(low, high)};
}

}  // namespace retort::hub
