#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/hash.h"
#include "retort/core/log.h"
#include "retort/data/manifest.h"

namespace retort::data {

// The hash of a file's bytes; nothing where it cannot be read.
using FileHash = std::optional<Hash128>;

// A hash of every item's bytes, in the manifest's order: of its file, and for a record of a file
// also of its number. Every file is read once; the result is kept in the cache and used again as
// long as Manifest::digest() stays the same. Throws Interrupted on stop.
std::vector<FileHash> item_hashes(const Manifest& manifest, const std::filesystem::path& cache_dir,
                                  Log& log = null_log(), const StopFlag& stop = never_stop());

// A hash of a data set's classes and of each item's path, label, split and bytes. It does not
// depend on where the data set lies or when its files were written.
std::string content_hash(const Manifest& manifest, const std::vector<FileHash>& hashes);
std::string content_hash(const Manifest& manifest, const std::filesystem::path& cache_dir,
                         Log& log = null_log(), const StopFlag& stop = never_stop());

// Exact copies across splits, which make measured accuracy too high.
struct Twins {
  std::vector<int64_t> train_of_val, train_of_test;  // training items that have a copy there
  int64_t val_of_test = 0;                           // distinct validation images with one in test
};
Twins find_twins(const Manifest& manifest, const std::vector<FileHash>& hashes);

// A hash of the file's bytes, or for a folder of the names and bytes of all files below it. The
// text "unreadable" takes the place of a file's hash where the file cannot be read.
std::string file_hash(const std::filesystem::path& path);

}  // namespace retort::data
