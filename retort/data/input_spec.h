#pragma once

#include <array>
#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace retort::data {

enum class Interpolation { bilinear, bicubic };

// The images that a model takes: RGB scaled to [0, 1], minus mean, divided by std, [3, size, size].
struct InputSpec {
  int64_t size = 224;                                 // pixels, [16, 1024]
  std::array<float, 3> mean{0.485F, 0.456F, 0.406F};  // ImageNet's, as torchvision has them
  std::array<float, 3> std{0.229F, 0.224F, 0.225F};
  Interpolation interpolation = Interpolation::bilinear;
  double crop_ratio = 0.875;  // evaluation: the short side is resized to floor(size / crop_ratio),
                              // then size × size is cut from the centre; (0, 1]

  bool operator==(const InputSpec&) const = default;
};

std::string to_string(Interpolation interpolation);
Interpolation interpolation_from(const std::string& name);  // throws UsageError on other names

// {"resize": short side, "crop": size, "interpolation": "bilinear", "mean": […], "std": […],
// "range": [0, 1]}: the `preprocess` entry of student.onnx.
nlohmann::json to_json(const InputSpec& spec);
// Reads such an entry. Throws Error, naming the field, on one that is missing, of another type or
// out of range, and UsageError on another interpolation.
InputSpec input_spec_from(const nlohmann::json& json);

// The short side that evaluation resizes to.
int64_t resize_side(const InputSpec& spec);

}  // namespace retort::data
