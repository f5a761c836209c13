#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/manifest.h"

namespace retort::data {

// In the place of the hash of a file that cannot be read.
inline constexpr const char* kUnreadable = "unreadable";

// A hash of every item's bytes, in the manifest's order: of its file, and for a record of a file
// also its number. Every file is read once; the result is kept in the cache for as long as sizes
// and times of the files stay the same. A file that cannot be read has kUnreadable. Throws
// Interrupted on stop.
std::vector<std::string> item_hashes(const Manifest& manifest,
                                     const std::filesystem::path& cache_dir, Log& log = null_log(),
                                     const StopFlag& stop = never_stop());

// A hash of what a data set is: its classes, and of every item the path, the label, the split and
// the bytes. It does not depend on where the data set lies or when its files were written.
std::string content_hash(const Manifest& manifest, const std::vector<std::string>& hashes);
std::string content_hash(const Manifest& manifest, const std::filesystem::path& cache_dir,
                         Log& log = null_log(), const StopFlag& stop = never_stop());

// Exact copies across splits, which make a student look better than it is.
struct Twins {
  std::vector<int64_t> train_of_val, train_of_test;  // training items that have a copy there
  int64_t val_of_test = 0;                           // validation items that have a copy in test
};
Twins find_twins(const Manifest& manifest, const std::vector<std::string>& hashes);

// A hash of the file's bytes, or for a folder of all files below it and their names. "unreadable"
// where it cannot be read.
std::string file_hash(const std::filesystem::path& path);

}  // namespace retort::data
