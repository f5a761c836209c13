#include <utility>

#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// DTD, the Describable Textures Dataset (Cimpoi et al. 2014): images/class/file.jpg, and ten splits
// in labels/. This reads split 1, which is the one that papers with a single split report.
namespace retort::data::dtd {
namespace fs = std::filesystem;
namespace {

bool recognise(const fs::path& folder) {
  return has_folder(folder, "images") && has_file(folder, "labels/train1.txt");
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  Entries entries;
  for (const auto& [list, split] :
       {std::pair("train1.txt", Split::train), std::pair("val1.txt", Split::val),
        std::pair("test1.txt", Split::test)}) {
    for (const Line& line : lines_of(folder / "labels" / list))
      entries.push_back({listed_file(folder, "images", line.text, line.where),
                         class_folder(line.text, line.where), split, place_of(line.where)});
  }
  return assemble(folder, std::move(entries), options, folder.string());
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "DTD", .recognise = recognise, .read = read});

}  // namespace retort::data::dtd
