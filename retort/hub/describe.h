#pragma once

#include "retort/hub/description.h"
#include "retort/hub/field.h"

// What description.cpp shares with the readers of each library's files.
namespace retort::hub {

constexpr int64_t kMinSide = 16, kMaxSide = 1024, kMaxResize = 100 * kMaxSide;

// The names of Pillow's filters, in the order of its enum.
constexpr std::array<const char*, 6> kFilters{"nearest", "lanczos", "bilinear",
                                              "bicubic", "box",     "hamming"};

// Each fills in all of `description` except library and config. Throws Error as describe() does.
void describe_timm(const Field& config, Description& description);
void describe_open_clip(const Field& config, Description& description);
// `processor`: preprocessor_config.json, or the image_processor of processor_config.json.
void describe_transformers(const Field& config, const Field& processor, Description& description);

// A list of three numbers for the image's channels. Mean in [-1e3, 1e3], std in [1e-6, 1e3].
std::array<double, 3> mean_from(const Field& field);
std::array<double, 3> std_from(const Field& field);
std::array<float, 3> to_floats(const std::array<double, 3>& values);

}  // namespace retort::hub
