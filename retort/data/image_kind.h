#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace retort::data {

// Kinds of image files. `other` is for those that are known by their extension alone: camera raw
// files, files of drawing programs and the like.
enum class ImageKind : uint8_t {
  none,
  jpeg,
  png,
  webp,
  gif,
  tiff,
  bmp,
  avif,
  pnm,
  heic,
  jpeg2000,
  jpeg_xl,
  psd,
  other
};

// The kind by the first bytes; 64 are enough.
ImageKind kind_of(std::span<const std::byte> bytes);
// The kind by the name's extension, in upper or lower case.
ImageKind kind_by_name(const std::filesystem::path& path);
// True for the kinds that decode() reads in this build: some need libraries that are optional.
bool is_read(ImageKind kind);
// "JPEG", "HEIC".
std::string to_string(ImageKind kind);
// The kinds that are read, in words: "JPEG, PNG, WebP, BMP and PPM".
std::string kinds_read();

// What a file in a folder of images is taken for.
enum class Picture : uint8_t { no, image, unread };
// Decides by the extension, and where that is unknown by the file's first bytes. A file with the
// name of a backup copy or an unfinished download (.bak, .part, ~ …) is never `image`, but `unread`
// where its bytes are an image. Never throws: a file that cannot be opened is `no`.
Picture picture_at(const std::filesystem::path& path);

}  // namespace retort::data
