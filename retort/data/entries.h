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

// Where an image is named, for errors: a folder, or a line of a list. Many share the name.
struct Place {
  std::shared_ptr<const std::string> name;
  int64_t line = 0;  // 0: of no list
  std::string text() const;
};
Place place_of(std::string name);

// One image as a folder or a list names it, before classes are numbered and missing splits carved.
struct Entry {
  std::string path;  // as in Item
  std::string label;
  std::optional<Split> split;  // none: to be carved
  Place where;
};

// A data set may have millions: they are not moved as more come.
using Entries = std::deque<Entry>;

// What a folder's reading finds, and what it passes over.
struct Found {
  Entries entries;
  std::vector<std::string> unread;  // as in Manifest
  std::vector<Note> notes;
  PassedOver passed;
  std::map<std::filesystem::path, Entry> folders;  // by real path: a class folder's label and place
};

Note note_of(const PassedOver& passed);

// The images below root/folder, all of one class.
void add_class(const std::filesystem::path& root, const std::string& folder,
               const std::string& label, std::optional<Split> split, const ManifestOptions& options,
               Found& found);

// root/prefix with one folder a class. Throws Error on a training class without images, unless
// retort writes there; an empty class is nothing elsewhere.
void add_classes(const std::filesystem::path& root, const std::string& prefix,
                 std::optional<Split> split, const ManifestOptions& options, Found& found);

// Numbers the classes of training, carves what is not given, sorts. Labels that look alike are one
// class, with a note: in two Unicode forms anywhere; in another case, or with blanks, where
// training spells them otherwise. `where` names the whole in errors; those are load_manifest's.
Manifest assemble(const std::filesystem::path& root, Found found, const ManifestOptions& options,
                  const std::string& where);
Manifest assemble(const std::filesystem::path& root, Entries entries,
                  const ManifestOptions& options, const std::string& where);

}  // namespace retort::data
