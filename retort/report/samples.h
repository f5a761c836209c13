#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/metrics.h"

namespace retort::report {

struct Sample {
  data::Prediction prediction;
  std::string data_uri;  // a thumbnail
};

// Up to `most` right or wrong predictions whose images can still be read. Wrong: the most confident
// first. Right: a fixed random draw, by class.
std::vector<Sample> samples(const std::vector<data::Prediction>& predictions,
                            const std::filesystem::path& root, bool right, size_t most);

// A data URI: a JPEG of at most 96 pixels a side. Throws Error when the file is not an image.
std::string thumbnail(const std::filesystem::path& path);

std::string base64(const std::string& bytes);

}  // namespace retort::report
