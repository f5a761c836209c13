#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/metrics.h"

namespace retort::report {

struct Sample {
  data::Prediction prediction;
  std::string data_uri;  // of a thumbnail
};

// Up to `most` right or wrong predictions whose images can still be read. Wrong ones: the most
// confident first. Right ones: a random sample with a fixed seed, sorted by class. Gives up after
// 50 images that cannot be read.
std::vector<Sample> samples(const std::vector<data::Prediction>& predictions,
                            const std::filesystem::path& root, bool right, size_t most);

// A data URI of the image as a JPEG of at most 96 pixels a side. Throws Error when it cannot be
// read.
std::string thumbnail(const std::filesystem::path& path);

std::string base64(const std::string& bytes);

}  // namespace retort::report
