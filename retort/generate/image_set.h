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

// What a set of generated images is, whichever of them are there.
struct SetPlan {
  std::filesystem::path out;
  std::vector<ClassPrompts> classes;
  int64_t per_class = 80;
  uint64_t seed = 0;
  Format format = Format::png;
  std::string negative_prompt;
  Settings engine;  // the engine's
};

// The folder of a set: LABEL/NUMBER.png; manifest.csv, which lists what is there and which
// data/manifest.h reads; settings.json, which says what it was made with. A later plan may have
// more classes and more images a class, and nothing else that is new: a file that is there need not
// be made again.
class ImageSet {
 public:
  // Throws Error when the folder holds other files, was made with other settings (naming them), or
  // is at work for another process; UsageError on a plan out of range.
  explicit ImageSet(SetPlan plan);
  ImageSet(const ImageSet&) = delete;
  ImageSet& operator=(const ImageSet&) = delete;

  int64_t planned() const { return static_cast<int64_t>(plan_.classes.size()) * plan_.per_class; }
  // Those that are not there: the first of every class, the second of every class, and so on, so
  // that a set that is stopped early is balanced.
  std::vector<Picture> missing() const;
  // Writes the image, then its row of the manifest. Atomic: another process sees all of a file or
  // none.
  void add(const Picture& picture, data::ImageView image);
  // Writes the manifest anew: what is there, by class and number.
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
