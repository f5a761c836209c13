#include <map>

#include "retort/core/error.h"
#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/listing.h"

// MIT Indoor-67 (Quattoni & Torralba 2009): TrainImages.txt and TestImages.txt list class/file.jpg
// in Images/.
namespace retort::data::mit_indoor {
namespace fs = std::filesystem;
namespace {

bool recognise(const fs::path& folder) { return has_file(folder, "TrainImages.txt"); }

// The archive unpacks to indoorCVPR_09/Images; the lists are downloaded beside it.
std::string images_of(const fs::path& folder) {
  for (const char* name : {"Images", "indoorCVPR_09/Images"}) {
    if (has_folder(folder, name)) return name;
  }
  throw Error("there is no folder Images beside TrainImages.txt", folder.string(),
              "unpack indoorCVPR_09.tar there");
}

Manifest read(const fs::path& folder, const ManifestOptions& options) {
  const std::string images = images_of(folder);
  Entries entries;
  std::map<std::string, std::pair<Split, std::string>> seen;  // path to split and place
  for (const auto& [list, split] :
       {std::pair("TrainImages.txt", Split::train), std::pair("TestImages.txt", Split::test)}) {
    for (const Line& line : lines_of(folder / list)) {
      std::string path = listed_file(folder, images, line.text, line.where);
      const auto [first, fresh] = seen.emplace(path, std::pair(split, line.where));
      if (fresh) {
        entries.push_back(
            {std::move(path), class_folder(line.text, line.where), split, place_of(line.where)});
      } else if (first->second.first != split) {
        throw Error(
            "'" + line.text + "' is also an image of the other split, at " + first->second.second,
            line.where, "take it out of one of the lists");
      }
    }
  }
  return assemble(folder, std::move(entries), options, folder.string());
}

}  // namespace

RETORT_REGISTER_LAYOUT({.name = "MIT Indoor-67", .recognise = recognise, .read = read});

}  // namespace retort::data::mit_indoor
