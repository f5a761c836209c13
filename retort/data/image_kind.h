#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace retort::data {

// The kinds of picture that people have. `other` stands for those that are known by name alone:
// camera raw files, layers of drawing programs and the like.
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

// By its first bytes; 64 of them are enough.
ImageKind kind_of(std::span<const std::byte> bytes);
// By the extension of its name, in any case of letters.
ImageKind kind_by_name(const std::filesystem::path& path);
// True for the kinds that decode() reads in this build: some need libraries that are optional.
bool is_read(ImageKind kind);
// "JPEG", "HEIC".
std::string to_string(ImageKind kind);
// The kinds that are read, in words: "JPEG, PNG, WebP, BMP and PPM".
std::string kinds_read();

// What a file in a folder of images is taken for.
enum class Picture : uint8_t { no, image, unread };
// By its name; where that says nothing, by the file's first bytes. A name that ends like those of
// copies and unfinished downloads (.bak, .part, ~ …) is never an image. Never throws: a file that
// cannot be opened is no picture.
Picture picture_at(const std::filesystem::path& path);

}  // namespace retort::data
