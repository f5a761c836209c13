#include "retort/data/input_spec.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/text.h"

namespace retort::data {
namespace {

// The double with the float's shortest decimal form, so that JSON says 0.485 and not
// 0.48500001430511475.
double shortest(float value) {
  char text[32];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  double wide = 0;
  std::from_chars(text, end, wide);
  return wide;
}

std::array<double, 3> shortest(const std::array<float, 3>& values) {
  return {shortest(values[0]), shortest(values[1]), shortest(values[2])};
}

// A ratio from which resize_side() computes exactly `side`; the plain quotient may be rounded up
// and give one less.
double ratio_for(int64_t size, int64_t side) {
  double ratio = static_cast<double>(size) / static_cast<double>(side);
  while (std::floor(static_cast<double>(size) / ratio) < static_cast<double>(side))
    ratio = std::nextafter(ratio, 0.0);
  return ratio;
}

[[noreturn]] void fail(const char* field, const std::string& what) {
  throw Error(what, std::string("preprocess.") + field,
              "it needs resize and crop (whole numbers of pixels), interpolation, mean and std "
              "(three numbers each), and range [0, 1]");
}

template <typename Value>
Value value_of(const nlohmann::json& json, const char* field) {
  try {
    return json.at(field).get<Value>();
  } catch (const nlohmann::json::exception&) {
    fail(field, "is missing, or of another type");
  }
}

std::array<float, 3> channels_from(const nlohmann::json& json, const char* field, double low,
                                   double high) {
  const auto values = value_of<std::vector<double>>(json, field);
  if (values.size() != 3) fail(field, "needs three values");
  for (const double value : values) {
    if (!(value > low && value < high))
      fail(field, significant(value, 6) + " is not between " + significant(low, 6) + " and " +
                      significant(high, 6));
  }
  return {static_cast<float>(values[0]), static_cast<float>(values[1]),
          static_cast<float>(values[2])};
}

// Refuses a number with a fraction or beyond 64 bits.
int64_t whole_number(const nlohmann::json& json, const char* field) {
  const auto value = value_of<nlohmann::json>(json, field);
  if (!value.is_number_integer()) fail(field, "is no whole number");
  return value.get<int64_t>();
}

}  // namespace

std::string to_string(Interpolation interpolation) {
  return interpolation == Interpolation::bilinear ? "bilinear" : "bicubic";
}

Interpolation interpolation_from(const std::string& name) {
  if (name == "bilinear") return Interpolation::bilinear;
  if (name == "bicubic") return Interpolation::bicubic;
  throw UsageError("there is no interpolation '" + name + "'", "", "use bilinear or bicubic");
}

nlohmann::json to_json(const InputSpec& spec) {
  return {{"resize", resize_side(spec)},
          {"crop", spec.size},
          {"interpolation", to_string(spec.interpolation)},
          {"mean", shortest(spec.mean)},
          {"std", shortest(spec.std)},
          {"range", {0, 1}}};
}

InputSpec input_spec_from(const nlohmann::json& json) {
  InputSpec spec;
  spec.size = whole_number(json, "crop");
  const int64_t side = whole_number(json, "resize");
  if (spec.size < 16 || spec.size > 1024)
    fail("crop", std::to_string(spec.size) + " is not in [16, 1024]");
  if (side < spec.size || side > 100 * spec.size)
    fail("resize", std::to_string(side) + " does not suit a crop of " + std::to_string(spec.size));
  if (value_of<std::vector<double>>(json, "range") != std::vector<double>{0, 1})
    fail("range", "only [0, 1] is supported");
  spec.crop_ratio = ratio_for(spec.size, side);
  spec.interpolation = interpolation_from(value_of<std::string>(json, "interpolation"));
  spec.mean = channels_from(json, "mean", -1e3, 1e3);
  spec.std = channels_from(json, "std", 1e-6, 1e3);
  return spec;
}

int64_t resize_side(const InputSpec& spec) {
  return static_cast<int64_t>(std::floor(static_cast<double>(spec.size) / spec.crop_ratio));
}

}  // namespace retort::data
