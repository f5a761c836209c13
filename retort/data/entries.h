#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retort/data/leftovers.h"
#include "retort/data/manifest.h"
#include "retort/data/split_name.h"

namespace retort::data {

// Where an image is named, for errors: a folder, or a line of a list. Many places share a name.
struct Place {
  std::shared_ptr<const std::string> name;
  int64_t line = 0;  // 0: not in a list
  std::string text() const;
};
Place place_of(std::string name);

// One image as a folder or a list names it, before classes are numbered and missing splits are set
// aside.
struct Entry {
  std::string path;  // as in Item
  std::string label;
  std::optional<Split> split;  // none: the data set names none
  Place where;
};

// A data set may have millions of entries, and a deque does not move them when it grows.
using Entries = std::deque<Entry>;

// What reading a folder or a list finds, and what it passes over.
struct Found {
  Entries entries;
  std::vector<std::string> unread;  // as in Manifest
  std::vector<Note> notes;
  PassedOver passed;
  std::map<std::filesystem::path, Entry> folders;  // by real path: a class folder's label and place
};

Note note_of(const PassedOver& passed);

// Adds the images below root/folder, all of one class. Throws Error as add_classes does.
void add_class(const std::filesystem::path& root, const std::string& folder,
               const std::string& label, std::optional<Split> split, const ManifestOptions& options,
               Found& found);

// Adds the images of root/prefix, which has one folder a class. Throws Error where links make one
// folder two classes, and on a class without images in the training split or without a split,
// unless the folder is retort's own output or options.known is set; other empty classes are left
// out.
void add_classes(const std::filesystem::path& root, const std::string& prefix,
                 std::optional<Split> split, const ManifestOptions& options, Found& found);

// Numbers the training classes, sets images aside for missing splits, and sorts the items. These
// labels become one class, with a note: the same characters in two Unicode forms, and a label that
// differs from a training class only in case or blanks. `where` names the data set in errors.
// Throws Error as load_manifest does.
Manifest assemble(const std::filesystem::path& root, Found found, const ManifestOptions& options,
                  const std::string& where);
Manifest assemble(const std::filesystem::path& root, Entries entries,
                  const ManifestOptions& options, const std::string& where);

}  // namespace retort::data
