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

// "DIR" or "DIR:RATIO". Where the whole text is the path of something that exists, it is a DIR.
// Throws UsageError on a ratio out of its range.
Extra extra_from(const std::string& text);

// What `retort gate` sets aside in a folder of images: CSV whose first field is a path below it.
// Deleting it takes everything back in.
constexpr const char* kRejectedFile = "rejected.csv";

// Where the images of such a folder are: in its train/ (or Training/ and the like), where it has
// one, so that nothing learns from test images.
std::filesystem::path extra_root(const std::filesystem::path& path);

// Every image below the folder's extra_root, without those that its kRejectedFile names, unless
// they are asked for. An image has the label of the innermost folder around it that has a class's
// name, else kUnlabelled. Items are sorted by path, all of train. Throws Error when there is no
// such folder, or no image in it.
enum class Rejected { left_out, taken };
Manifest load_extra(const std::filesystem::path& path, const std::vector<std::string>& classes,
                    Rejected rejected = Rejected::left_out);

// A data set without labels: every image of load_extra, kUnlabelled, a share of them for
// validation, none for testing. Throws as it does, and on fewer than two classes or images.
Manifest load_unlabelled(const std::filesystem::path& path, const std::vector<std::string>& classes,
                         const ManifestOptions& options);

}  // namespace retort::data
