#include "retort/core/error.h"
#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// CUB-200-2011 (Wah et al. 2011): images.txt, image_class_labels.txt and train_test_split.txt
// number the images, classes.txt the classes.
namespace retort::data::cub {
namespace fs = std::filesystem;
namespace {

using Numbered = std::map<int64_t, Line>;

bool recognise(const fs::path& folder) {
  return has_file(folder, "images.txt") && has_file(folder, "image_class_labels.txt");
}

// What another list says of the image or class that `asker` names.
const Line& look_up(const Numbered& list, const char* name, int64_t number, const Line& asker) {
  const auto found = list.find(number);
  if (found == list.end())
    throw Error("there is no number " + std::to_string(number) + " in " + name, asker.where);
  return found->second;
}

Split split_of(const Line& line) {
  if (line.text == "1") return Split::train;
  if (line.text == "0") return Split::test;
  throw Error("'" + line.text + "' is neither 1 (train) nor 0 (test)", line.where);
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  const Numbered images = numbered_lines_of(folder / "images.txt"),
                 labels = numbered_lines_of(folder / "image_class_labels.txt"),
                 classes = numbered_lines_of(folder / "classes.txt"),
                 splits = numbered_lines_of(folder / "train_test_split.txt");
  Entries entries;
  for (const auto& [number, image] : images) {
    const Line& label = look_up(labels, "image_class_labels.txt", number, image);
    const Line& name = look_up(classes, "classes.txt", number_in(label.text, label.where), label);
    const Line& split = look_up(splits, "train_test_split.txt", number, image);
    entries.push_back({listed_file(folder, "images", image.text, image.where), name.text,
                       split_of(split), place_of(image.where)});
  }
  return assemble(folder, std::move(entries), options, folder.string());
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "CUB-200-2011", .recognise = recognise, .read = read});

}  // namespace retort::data::cub
