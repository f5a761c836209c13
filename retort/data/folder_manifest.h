#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "retort/data/manifest.h"

namespace retort::data {

// Reads a folder of images as people have them; each guess is a note of the manifest:
// - the only folder that holds images, in a folder or in a split, is entered (archive/dataset/...);
// - splits are folders with names like train, Training, test_set, valid or dev, also where the
//   names have something in common (seg_train and seg_test);
// - class folders that are divided into such splits (cat/train, cat/test) are read as splits, too;
// - a public data set in its own layout (layouts.h) is read as that.
// Throws Error as load_manifest does.
Manifest load_folder(const std::filesystem::path& folder, const ManifestOptions& options);

// The sub-folder with the training images, where there is one. A folder called train that is a
// class among others does not count.
std::optional<std::string> train_folder_in(const std::filesystem::path& folder);

}  // namespace retort::data
