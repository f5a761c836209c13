#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retort/data/decode.h"

namespace retort::data {

// An image that is part of a larger file: `FILE.bin#NUMBER`, numbered from 0, as in
// `data_batch_1.bin#17`.
struct Record {
  std::filesystem::path file;
  int64_t number = 0;
};

// The record that a path of this form names; nothing for any other path.
std::optional<Record> record_of(const std::filesystem::path& path);

// Reads the image of a path, which is a file (decode_file, with `enough`) or a record, which the
// layout of its folder reads. Throws Error, naming the file.
Image read_image(const std::filesystem::path& path, int64_t enough = 0);
// Reads a window of such an image (decode_part).
Part read_part(const std::filesystem::path& path, const Window& window, int64_t enough = 0);

}  // namespace retort::data
