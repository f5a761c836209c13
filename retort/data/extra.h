#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/manifest.h"

namespace retort::data {

// The label of an image that nobody named a class for.
constexpr int64_t kUnlabelled = -1;

// Images beside the data set's own: generated ones, or a pile without labels.
struct Extra {
  std::filesystem::path path;
  double ratio = 1;  // images of it for each of the data set's own, in every batch: (0, 1000]
};

// "DIR" or "DIR:RATIO". Throws UsageError on a ratio out of its range.
Extra extra_from(const std::string& text);

// Every image below the folder; of one that has train/ only what is in there, so that nothing learns from test images. An image has the
// label of the innermost folder that is called as a class is, else kUnlabelled. Items are sorted by path, all of train. Throws Error when
// there is no such folder, or no image in it.
Manifest load_extra(const std::filesystem::path& path, const std::vector<std::string>& classes);

}  // namespace retort::data
