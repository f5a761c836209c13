#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/data/manifest.h"

namespace retort::data {

// One image as a folder or a list names it, before classes are numbered and missing splits carved.
struct Entry {
  std::string path;  // as in Item
  std::string label;
  std::optional<Split> split;  // none: to be carved
  std::string where;           // the folder, or file:line, that names it; for errors
};

// train, val (valid, validation), test.
std::optional<Split> split_from(const std::string& name);

// Entries for root/prefix with one folder a class; `unread` as in Manifest. Throws Error on a training class without images; an empty class
// is nothing elsewhere.
void add_classes(const std::filesystem::path& root, const std::string& prefix, std::optional<Split> split, std::vector<Entry>& entries,
                 std::vector<std::string>& unread);

// Numbers the classes of training, carves what is not given, sorts. `where` names the whole in errors; those are load_manifest's.
Manifest assemble(const std::filesystem::path& root, std::vector<Entry> entries, const ManifestOptions& options, const std::string& where);

}  // namespace retort::data
