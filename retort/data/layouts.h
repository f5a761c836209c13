#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/registration.h"
#include "retort/data/decode.h"
#include "retort/data/manifest.h"

namespace retort::data {

// The layout of one public data set on disk once it is unpacked. A new layout is a file
// layout_NAME.cpp that ends in one RETORT_REGISTER_LAYOUT line, and its name in CMakeLists.txt;
// nothing else changes.
struct Layout {
  std::string name;
  // Whether the folder has this layout, by names of files that only this data set has. Opens no
  // file and never throws. No folder may match two layouts.
  bool (*recognise)(const std::filesystem::path& folder) = nullptr;
  // Throws Error as load_manifest does, and when a list is malformed or names a file that is not
  // there.
  Manifest (*read)(const std::filesystem::path& folder, const ManifestOptions& options) = nullptr;
  // The image FILE#NUMBER (record.h), where files hold several images; null where every image is a
  // file. Any thread may call it.
  Image (*record)(const std::filesystem::path& file, int64_t number) = nullptr;
};

// Sorted by name.
const std::vector<Layout>& layouts();
// The layout that recognises the folder, or null.
const Layout* layout_of(const std::filesystem::path& folder);

int register_layout(Layout layout);
#define RETORT_REGISTER_LAYOUT(...) RETORT_REGISTERED(::retort::data::register_layout(__VA_ARGS__))

}  // namespace retort::data
