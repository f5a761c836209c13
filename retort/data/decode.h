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

// A rectangle in an image, in pixels.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

constexpr int64_t kMaxPixels = 178'956'970;  // PIL's decompression-bomb limit

// Decodes an image, which is recognised by its content and not by its name:
//   JPEG                 baseline, progressive, grey, CMYK and YCCK
//   PNG                  all depths, palette, alpha over white
//   WebP                 alpha over white
//   BMP, PBM, PGM, PPM
// GIF, TIFF, AVIF if their libraries were installed at build time (image_kind.h)
// Of a file with several images the first is read. The image is turned by the orientation in the
// file's EXIF or XMP, as Pillow's exif_transpose does. Pixels agree with Pillow's (libjpeg-turbo's
// default DCT and upsampling). Throws Error, naming `name`, when the bytes do not decode whole, or
// the image has more than kMaxPixels.
//
// `enough`: a JPEG is decoded at 1/8, 1/4 or 1/2 of its size, which is faster, if its short side
// still has at least `enough` pixels then, as Pillow's Image.draft does. 0: at full size.
Image decode(std::span<const std::byte> bytes, const std::string& name, int64_t enough = 0);
Image decode_file(const std::filesystem::path& path, int64_t enough = 0);
// A window of an image, in a decoded image that may be larger than the window.
struct Part {
  Image image;
  Window window;  // in `image`
};
// The pixels of this window, equal to those of decode(). Of a JPEG, rows below the window are not
// decoded, and what is above and beside it only as far as needed. `enough` applies to the window's
// short side. Throws Error as decode() does, and when the window is not inside the image; damage
// outside the window may go unnoticed.
Part decode_part(std::span<const std::byte> bytes, const std::string& name, const Window& window,
                 int64_t enough = 0);

// ".jpg" of "A.JPG".
std::string lower_extension(const std::filesystem::path& path);
// True for extensions of the kinds that decode() reads, in any case of letters (image_kind.h).
bool is_image_name(const std::filesystem::path& path);

}  // namespace retort::data
