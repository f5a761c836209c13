#pragma once

#include <filesystem>

#include "retort/data/manifest.h"

namespace retort::data {

// Reads a table of images as people and programs write it (csv.h): a column for the path, one for
// the label, and perhaps one for the split, by these names or by usual ones like them (filename,
// image, class, category, set …), in any case. Paths are relative to the file, with slashes of
// either kind. Throws Error as load_manifest does.
Manifest load_csv(const std::filesystem::path& file, const ManifestOptions& options);

}  // namespace retort::data
