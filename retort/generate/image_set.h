#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/folder_lock.h"
#include "retort/generate/engine.h"
#include "retort/generate/image_file.h"
#include "retort/generate/picture.h"
#include "retort/generate/prompts.h"

namespace retort::generate {

// The plan of a set of generated images.
struct SetPlan {
  std::filesystem::path out;
  std::vector<ClassPrompts> classes;
  int64_t per_class = 80;
  uint64_t seed = 0;
  Format format = Format::png;
  std::string negative_prompt;
  Settings engine;  // the engine's settings
};

// The folder of a set: LABEL/NUMBER.png or .jpg; manifest.csv, which lists the images that exist
// and which data/manifest.h reads; settings.json, which says how they were made. A later plan for a
// folder with images may have other numbers of images and more classes, but no other settings or
// prompts, so that existing files need not be made again.
class ImageSet {
 public:
  // Throws Error when the folder holds other files, images made with other settings (naming them),
  // or is locked by another process; UsageError on a plan out of range.
  explicit ImageSet(SetPlan plan);
  ImageSet(const ImageSet&) = delete;
  ImageSet& operator=(const ImageSet&) = delete;

  int64_t planned() const { return static_cast<int64_t>(plan_.classes.size()) * plan_.per_class; }
  // The images that are missing: the first of every class, then the second of every class, and so
  // on, so that a set that is stopped early is balanced.
  std::vector<Picture> missing() const;
  // Writes the image atomically, then appends its row to the manifest. Throws Error when either
  // cannot be written; a row that is written in part is removed again.
  void add(const Picture& picture, data::ImageView image);
  // Writes the manifest from the files that exist, by class and number.
  void write_manifest() const;
  std::filesystem::path manifest() const { return plan_.out / "manifest.csv"; }

 private:
  void claim();
  void sweep() const;
  void reconcile();
  SetPlan plan_;
  Settings settings_;
  std::vector<ClassPrompts> known_;  // of this plan and of those before it
  int64_t most_ = 0;                 // images a class in any of them
  std::optional<FolderLock> lock_;
};

}  // namespace retort::generate
