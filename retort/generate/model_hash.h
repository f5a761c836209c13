#pragma once

#include <filesystem>
#include <string>

#include "retort/core/log.h"

namespace retort::generate {

// XXH3-128 of a weight file, as 32 hex digits; of a diffusers folder, of the names and hashes of
// the weight files that the library reads in it. Kept in `cache` by path, size and modification
// time, so that gigabytes are read once. Throws Error when a file cannot be read, and Interrupted
// when `stop` is set.
std::string model_hash(const std::filesystem::path& model, const std::filesystem::path& cache,
                       Log& log, const StopFlag& stop);

}  // namespace retort::generate
