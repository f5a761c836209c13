#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/hash.h"
#include "retort/core/log.h"
#include "retort/data/manifest.h"

namespace retort::data {

// Of a file's bytes; nothing where it cannot be read.
using FileHash = std::optional<Hash128>;

// A hash of every item's bytes, in the manifest's order: of its file, and for a record of a file
// also its number. Every file is read once; the result is kept in the cache for as long as sizes
// and times of the files stay the same. Throws Interrupted on stop.
std::vector<FileHash> item_hashes(const Manifest& manifest, const std::filesystem::path& cache_dir,
                                  Log& log = null_log(), const StopFlag& stop = never_stop());

// A hash of what a data set is: its classes, and of every item the path, the label, the split and
// the bytes. It does not depend on where the data set lies or when its files were written.
std::string content_hash(const Manifest& manifest, const std::vector<FileHash>& hashes);
std::string content_hash(const Manifest& manifest, const std::filesystem::path& cache_dir,
                         Log& log = null_log(), const StopFlag& stop = never_stop());

// Exact copies across splits, which make a student look better than it is.
struct Twins {
  std::vector<int64_t> train_of_val, train_of_test;  // training items that have a copy there
  int64_t val_of_test = 0;                           // validation items that have a copy in test
};
Twins find_twins(const Manifest& manifest, const std::vector<FileHash>& hashes);

// A hash of the file's bytes, or for a folder of all files below it and their names. "unreadable"
// where it cannot be read.
std::string file_hash(const std::filesystem::path& path);

}  // namespace retort::data
