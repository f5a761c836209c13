#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace retort::data {

// 8-bit RGB, rows from the top, no padding.
struct Image {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> rgb;
};

// Pixels that someone else owns.
struct ImageView {
  int64_t width = 0;
  int64_t height = 0;
  const uint8_t* rgb = nullptr;
  ImageView() = default;
  ImageView(int64_t w, int64_t h, const uint8_t* pixels) : width(w), height(h), rgb(pixels) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a view is meant to be implicit
  ImageView(const Image& image) : width(image.width), height(image.height), rgb(image.rgb.data()) {}
};

// Part of an image, in its pixels.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

constexpr int64_t kMaxPixels = 178'956'970;  // PIL's decompression-bomb limit

// Decodes an image, which is recognised by its content and not by its name:
//   JPEG                 baseline, progressive, grey, CMYK and YCCK
//   PNG                  all depths, palette, alpha over white
//   WebP                 alpha over white
//   BMP, PBM, PGM, PPM
//   GIF, TIFF, AVIF      where their libraries were there at build time (image_kind.h)
// Of a file of several images the first is read. The image is turned as EXIF or XMP in the file
// says, as Pillow's exif_transpose does. Pixels agree with Pillow's (libjpeg-turbo's default DCT
// and upsampling). Throws Error, naming `name`, when the bytes do not decode whole, or the image
// has more than kMaxPixels.
//
// `enough`: a JPEG is decoded at 1/8, 1/4 or 1/2 of its size, in a fraction of the time, where its
// short side then still has so many pixels, as Pillow's Image.draft does. 0: at its own size.
Image decode(std::span<const std::byte> bytes, const std::string& name, int64_t enough = 0);
Image decode_file(const std::filesystem::path& path, int64_t enough = 0);
// A part of an image, among neighbours that came with it.
struct Part {
  Image image;
  Window window;  // in `image`
};
// The pixels that decode() gives of this window. Of a JPEG, what lies below the window is not
// decoded, and what lies above and beside it no further than necessary. `enough` is of the window's
// short side. Throws Error as decode() does, and when the window is not inside the image; damage
// outside of the window may go unnoticed.
Part decode_part(std::span<const std::byte> bytes, const std::string& name, const Window& window,
                 int64_t enough = 0);

// ".jpg" of "A.JPG".
std::string lower_extension(const std::filesystem::path& path);
// True for extensions of the kinds that decode() reads, in any case of letters (image_kind.h).
bool is_image_name(const std::filesystem::path& path);

}  // namespace retort::data
