#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// Caltech-101 (Fei-Fei et al. 2004): 101_ObjectCategories/ with one folder a class, and a
// background class that is by custom no class of the task. It has no split of its own.
namespace retort::data::caltech101 {
namespace fs = std::filesystem;
namespace {

constexpr const char* kCategories = "101_ObjectCategories";
constexpr const char* kBackground = "BACKGROUND_Google";

// The folder that holds 101_ObjectCategories/, or that folder itself.
bool recognise(const fs::path& folder) {
  return has_folder(folder, kCategories) || has_folder(folder, kBackground);
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  Found found;
  add_classes(folder, has_folder(folder, kCategories) ? kCategories : "", std::nullopt, options,
              found);
  std::erase_if(found.entries, [](const Entry& entry) { return entry.label == kBackground; });
  return assemble(folder, std::move(found), options, folder.string());
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "Caltech-101", .recognise = recognise, .read = read});

}  // namespace retort::data::caltech101
