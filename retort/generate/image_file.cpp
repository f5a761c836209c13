#include "retort/generate/image_file.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <vector>

#include "retort/core/error.h"
#include "retort/data/encode.h"

namespace retort::generate {
namespace {

constexpr int kJpegQuality = 95;

struct Encoder {
  std::string bytes;
  char message[128] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { png_destroy_write_struct(&png, &info); }
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* encoder = static_cast<Encoder*>(png_get_error_ptr(png));
  std::snprintf(encoder->message, sizeof encoder->message, "%s", message);
  png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

void put(png_structp png, png_bytep data, size_t count) {
  static_cast<Encoder*>(png_get_io_ptr(png))
      ->bytes.append(reinterpret_cast<const char*>(data), count);
}

void flush(png_structp) {}

// A function with setjmp keeps no local that has a destructor.
bool write(Encoder& encoder, const data::ImageView& image, png_text& text) {
  encoder.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &encoder, leave, ignore);
  if (encoder.png == nullptr) return false;
  if (setjmp(png_jmpbuf(encoder.png)) != 0) return false;
  encoder.info = png_create_info_struct(encoder.png);
  if (encoder.info == nullptr) return false;
  png_set_write_fn(encoder.png, &encoder, put, flush);
  png_set_IHDR(encoder.png, encoder.info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_text(encoder.png, encoder.info, &text, 1);
  png_write_info(encoder.png, encoder.info);
  for (int64_t y = 0; y < image.height; ++y)
    png_write_row(encoder.png, image.rgb + 3 * image.width * y);
  png_write_end(encoder.png, encoder.info);
  return true;
}

std::string encode_png(const data::ImageView& image, std::string text) {
  const bool ascii = std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
  std::string keyword = "parameters";
  png_text chunk{};
  chunk.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
  chunk.key = keyword.data();
  chunk.text = text.data();
  (ascii ? chunk.text_length : chunk.itxt_length) = text.size();
  Encoder encoder;
  if (!write(encoder, image, chunk))
    throw Error(std::string("cannot be written as PNG: ") + encoder.message);
  return std::move(encoder.bytes);
}

std::string encode_jpeg(const data::ImageView& image, std::string text) {
  constexpr size_t kMaxComment = 65'533;
  std::string bytes = data::encode_jpeg(image, kJpegQuality);
  text.resize(std::min(text.size(), kMaxComment));
  const auto byte = [](size_t value) { return static_cast<char>(value & 0xff); };
  const size_t length = text.size() + 2;  // the length includes its own two bytes
  // The comment goes after SOI and the JFIF segment, which must come first.
  const auto at = [&](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(bytes.at(i)));
  };
  const size_t place = at(3) == 0xe0 ? 4 + (at(4) << 8 | at(5)) : 2;
  bytes.insert(place, std::string{'\xff', '\xfe', byte(length >> 8), byte(length)} + text);
  return bytes;
}

}  // namespace

std::string encode(data::ImageView image, Format format, const std::string& text) {
  return format == Format::png ? encode_png(image, text) : encode_jpeg(image, text);
}

}  // namespace retort::generate
