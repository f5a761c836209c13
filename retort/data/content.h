#pragma once

#include <filesystem>
#include <string>

#include "retort/core/log.h"
#include "retort/data/manifest.h"

namespace retort::data {

// A hash of what a data set is: its classes, and of every item the path, the label, the split and the
// bytes of its file. It does not depend on where the data set lies or when its files were written.
// Every file is read once; the result is kept in the cache for as long as sizes and times of the files
// stay the same. A file that cannot be read counts as such. Throws Interrupted on stop.
std::string content_hash(const Manifest& manifest, const std::filesystem::path& cache_dir, Log& log = null_log(),
                         const StopFlag& stop = never_stop());

// Of the file's bytes; of a folder's, all files below it with their names. "unreadable" where it cannot
// be read.
std::string file_hash(const std::filesystem::path& path);

}  // namespace retort::data
