#pragma once

#include <filesystem>

#include "retort/data/manifest.h"

namespace retort::data {

// Reads a table of images as people and programs write it (csv.h): a column for the path, one for
// the label, and perhaps one for the split, with these or other usual names (filename, image,
// class, category, set …), in upper or lower case. Paths are relative to the file, with / or \.
// Throws Error as load_manifest does.
Manifest load_csv(const std::filesystem::path& file, const ManifestOptions& options);

}  // namespace retort::data
