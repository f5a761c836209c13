#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/manifest.h"

namespace retort::data {

// The label of an image without a known class.
constexpr int64_t kUnlabelled = -1;

// Images in addition to the data set's own: generated or unlabelled ones.
struct Extra {
  std::filesystem::path path;
  double ratio = 1;  // extra images for each of the data set's own, in every batch: (0, 1000]
};

// Reads "DIR" or "DIR:RATIO". A text that is the path of something that exists is a DIR. Throws
// UsageError on a ratio out of range.
Extra extra_from(const std::string& text);

// The file in which `retort gate` lists the images of a folder that it rejected: CSV whose first
// field is a path in that folder. Deleting the file brings them all back.
constexpr const char* kRejectedFile = "rejected.csv";

// Where the images of such a folder are: in its train/ (or Training/ and the like) where it has
// one, so that no model is trained on test images. Throws Error when there is no such folder.
std::filesystem::path extra_root(const std::filesystem::path& path);

// Every image below the folder's extra_root. Images that its kRejectedFile lists are left out,
// unless `rejected` is Rejected::taken. An image's label is the class of the innermost folder
// around it that has a class's name, else kUnlabelled. Items are sorted by path, all with the split
// train. Throws Error when there is no such folder, or no image in it.
enum class Rejected { left_out, taken };
Manifest load_extra(const std::filesystem::path& path, const std::vector<std::string>& classes,
                    Rejected rejected = Rejected::left_out);

// A data set without labels: every image of load_extra, kUnlabelled, the share val_fraction of them
// for validation, none for testing. Throws as load_extra does, and on fewer than two classes or
// three images.
Manifest load_unlabelled(const std::filesystem::path& path, const std::vector<std::string>& classes,
                         const ManifestOptions& options);

}  // namespace retort::data
