#include <png.h>

#include <algorithm>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"
#include "retort/data/exif.h"

namespace retort::data {
namespace {

// libpng allocates a chunk before it reads it, and a compressed text may be a thousand times as
// long as its chunk.
constexpr size_t kMaxChunk = size_t{4} << 20;
constexpr png_uint_32 kMaxTexts = 32;

struct Decoder {
  std::span<const std::byte> rest;
  char message[128] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void leave(png_structp png, png_const_charp message) {
  auto* decoder = static_cast<Decoder*>(png_get_error_ptr(png));
  std::snprintf(decoder->message, sizeof decoder->message, "%s", message);
  png_longjmp(png, 1);
}

void ignore(png_structp, png_const_charp) {}

void take(png_structp png, png_bytep out, size_t count) {
  auto* decoder = static_cast<Decoder*>(png_get_io_ptr(png));
  if (count > decoder->rest.size()) png_error(png, "the file ends too early");
  std::memcpy(out, decoder->rest.data(), count);
  decoder->rest = decoder->rest.subspan(count);
}

// The length in a chunk's header: four bytes, big-endian.
uint64_t length_at(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<uint64_t>(bytes[i]);
  return length;
}

// Whether every chunk except those with pixels fits into the file: libpng allocates as much as a
// chunk's header says.
bool chunks_fit(std::span<const std::byte> bytes) {
  constexpr size_t kSignature = 8, kAround = 12;  // length, name and checksum
  for (size_t at = kSignature; at + kAround <= bytes.size();) {
    const uint64_t length = length_at(bytes.subspan(at));
    const bool pixels = std::memcmp(bytes.data() + at + 4, "IDAT", 4) == 0;
    if (length > bytes.size() - at - kAround) return pixels;
    at += kAround + length;
  }
  return true;
}

// The functions with setjmp keep no local that has a destructor.
bool read_header(Decoder& decoder) {
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, leave, ignore);
  if (decoder.png == nullptr) return false;
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  decoder.info = png_create_info_struct(decoder.png);
  if (decoder.info == nullptr) return false;
  png_set_chunk_malloc_max(decoder.png, std::max(kMaxChunk, decoder.rest.size()));
  png_set_chunk_cache_max(decoder.png, kMaxTexts);
  png_set_read_fn(decoder.png, &decoder, take);
  png_read_info(decoder.png, decoder.info);
  return true;
}

bool has_alpha(const Decoder& decoder) {
  return (png_get_color_type(decoder.png, decoder.info) & PNG_COLOR_MASK_ALPHA) != 0 ||
         png_get_valid(decoder.png, decoder.info, PNG_INFO_tRNS) != 0;
}

// Whether the file is long enough for its pixels: deflate expands a byte to at most 1,032. Without
// this check a short file with large sizes in its header would allocate them.
bool can_hold_pixels(const Decoder& decoder, size_t file_bytes) {
  constexpr uint64_t kMostOfAByte = 1032;
  const uint64_t rows = png_get_image_height(decoder.png, decoder.info);
  return rows * png_get_rowbytes(decoder.png, decoder.info) / kMostOfAByte <= file_bytes;
}

// 8-bit RGB or RGBA; 16-bit samples keep their high byte, as PIL's RGB does.
bool read_pixels(Decoder& decoder, uint8_t** rows, size_t row_bytes) {
  if (setjmp(png_jmpbuf(decoder.png)) != 0) return false;
  png_set_expand(decoder.png);
  png_set_strip_16(decoder.png);
  png_set_gray_to_rgb(decoder.png);
  png_set_interlace_handling(decoder.png);
  png_read_update_info(decoder.png, decoder.info);
  if (png_get_rowbytes(decoder.png, decoder.info) != row_bytes)
    png_error(decoder.png, "unexpected row size");
  png_read_image(decoder.png, rows);
  png_read_end(decoder.png, decoder.info);
  return true;
}

// ImageMagick stores EXIF as hexadecimal digits in a text chunk: an empty line, the line "exif",
// its length, and the digits.
std::string from_hex_profile(std::string_view text) {
  for (int line = 0; line < 3; ++line)
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  std::string bytes, digits;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

// Reads chunks before and after the pixels. As in Pillow, an eXIf chunk takes precedence over a
// text with EXIF.
int orientation_of_png(Decoder& decoder) {
  std::string exif, xmp;
  png_textp texts = nullptr;
  int count = 0;
  png_get_text(decoder.png, decoder.info, &texts, &count);
  for (const png_text& text : std::span(texts, static_cast<size_t>(count))) {
    if (text.text == nullptr || *text.text == '\0') continue;
    if (std::string_view(text.key) == "XML:com.adobe.xmp") xmp = text.text;
    if (std::string_view(text.key) == "Raw profile type exif") exif = from_hex_profile(text.text);
  }
  png_bytep block = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(decoder.png, decoder.info, &size, &block) != 0)
    exif.assign(reinterpret_cast<const char*>(block), size);
  return orientation_from(std::as_bytes(std::span(exif)), xmp);
}

}  // namespace

Image decode_png(std::span<const std::byte> bytes, const std::string& name) {
  Decoder decoder;
  decoder.rest = bytes;
  const auto check = [&](bool good) {
    if (!good) throw Error(std::string("does not decode as PNG: ") + decoder.message, name);
  };
  if (!chunks_fit(bytes))
    throw Error("does not decode as PNG: a chunk of it is longer than the file", name);
  check(read_header(decoder));
  const int64_t width = png_get_image_width(decoder.png, decoder.info);
  const int64_t height = png_get_image_height(decoder.png, decoder.info);
  const size_t count = checked_pixels(width, height, name);
  if (!can_hold_pixels(decoder, bytes.size()))
    throw Error("does not decode as PNG: the file ends too early", name);
  const bool alpha = has_alpha(decoder);
  const size_t row_bytes = (alpha ? 4 : 3) * static_cast<size_t>(width);
  std::vector<uint8_t> pixels((alpha ? 4 : 3) * count);
  std::vector<uint8_t*> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = pixels.data() + y * row_bytes;
  check(read_pixels(decoder, rows.data(), row_bytes));
  Image image = alpha ? over_white(width, height, pixels) : Image{width, height, std::move(pixels)};
  return upright(std::move(image), orientation_of_png(decoder));
}

}  // namespace retort::data
