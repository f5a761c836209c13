#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <jpeglib.h>  // needs cstdio before it

#include <jerror.h>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"
#include "retort/data/exif.h"
#include "retort/data/window.h"

namespace retort::data {
namespace {

// Far more than encoders write; a hostile file of thousands of empty scans would take hours.
constexpr int kMaxScans = 500;

struct Errors {
  jpeg_error_mgr base;  // must be first: libjpeg's pointer to it is cast to Errors
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// libjpeg fills missing pixels with grey and only warns, so that a warning is an error here, except
// those that leave every pixel intact.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  const int code = info->err->msg_code;
  if (code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
      code == JWRN_BOGUS_ICC)
    return;
  leave(info);
}

void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<Errors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxScans);
  std::longjmp(errors->jump, 1);
}

struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_progress_mgr progress{};
  Errors errors{};
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

// The functions with setjmp keep no local that has a destructor.
bool read_header(Decoder& decoder, std::span<const std::byte> bytes) {
  jpeg_decompress_struct& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors.base);
  decoder.errors.base.error_exit = leave;
  decoder.errors.base.emit_message = on_message;
  if (setjmp(decoder.errors.jump) != 0) return false;
  jpeg_create_decompress(&info);
  decoder.progress.progress_monitor = on_progress;
  info.progress = &decoder.progress;
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  return true;
}

// Like PIL, takes every four-channel file as Adobe's, stored inverted: `row` holds 255 - C, M, Y,
// K.
void cmyk_to_rgb(const uint8_t* row, int64_t width, uint8_t* out) {
  for (int64_t x = 0; x < width; ++x, row += 4, out += 3) {
    const int black = row[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - row[c]) * black + 128;
      out[c] = static_cast<uint8_t>(black - (((product >> 8) + product) >> 8));
    }
  }
}

// `cmyk_row` has room for one row when the file has four channels, and is null otherwise.
bool read_pixels(Decoder& decoder, uint8_t* out, uint8_t* cmyk_row) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.errors.jump) != 0) return false;
  info.out_color_space = cmyk_row == nullptr ? JCS_RGB : JCS_CMYK;
  jpeg_start_decompress(&info);
  const size_t stride = size_t{3} * info.output_width;
  while (info.output_scanline < info.output_height) {
    uint8_t* target = out + stride * info.output_scanline;
    uint8_t* row = cmyk_row == nullptr ? target : cmyk_row;
    jpeg_read_scanlines(&info, &row, 1);
    if (cmyk_row != nullptr) cmyk_to_rgb(cmyk_row, info.output_width, target);
  }
  jpeg_finish_decompress(&info);
  return true;
}

// Starts decoding columns [left, left + width) of the reduced image, widened to whole blocks of 8
// or 16 pixels; `left` and `width` become what is decoded.
bool start_columns(Decoder& decoder, JDIMENSION* left, JDIMENSION* width) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.errors.jump) != 0) return false;
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  jpeg_crop_scanline(&info, left, width);
  return true;
}

// Reads `count` rows of these columns, from row `top` on.
bool read_rows(Decoder& decoder, int64_t top, int64_t count, uint8_t* out) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.errors.jump) != 0) return false;
  jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(top));
  for (int64_t y = 0; y < count; ++y) {
    uint8_t* row = out + int64_t{3} * info.output_width * y;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_abort_decompress(&info);
  return true;
}

// The largest of libjpeg's fast reductions that leaves at least `enough` pixels of the shorter
// side.
unsigned reduction(int64_t shorter, int64_t enough) {
  for (const unsigned by : {8U, 4U, 2U})
    if (enough > 0 && shorter / by >= enough) return by;
  return 1;
}

// A long EXIF block is split over several segments; of several XMP packets the last one counts, as
// in Pillow.
int orientation_of(const jpeg_decompress_struct& info) {
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  std::string exif;
  std::string_view xmp;
  for (const jpeg_marker_struct* marker = info.marker_list; marker != nullptr;
       marker = marker->next) {
    const std::string_view segment(reinterpret_cast<const char*>(marker->data),
                                   marker->data_length);
    if (segment.starts_with(kExif)) exif += exif.empty() ? segment : segment.substr(kExif.size());
    if (segment.starts_with(kXmp)) xmp = segment.substr(kXmp.size());
  }
  return orientation_from(std::as_bytes(std::span(exif)), xmp);
}

void check_header(const Decoder& decoder, const std::string& name) {
  const jpeg_decompress_struct& info = decoder.info;
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4) {
    throw Error("is a JPEG with " + std::to_string(info.num_components) + " channels", name,
                "use 1, 3 or 4 channels");
  }
  checked_pixels(info.image_width, info.image_height, name);
}

void check(bool good, const Decoder& decoder, const std::string& name) {
  if (!good) throw Error(std::string("does not decode as JPEG: ") + decoder.errors.message, name);
}

// The pixels of the reduced image that the window touches.
Window reduced(const Window& window, unsigned by) {
  const int64_t scale = by, top = window.top / scale, left = window.left / scale;
  return {top, left, (window.top + window.height + scale - 1) / scale - top,
          (window.left + window.width + scale - 1) / scale - left};
}

}  // namespace

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, int64_t enough) {
  Decoder decoder;
  check(read_header(decoder, bytes), decoder, name);
  check_header(decoder, name);
  jpeg_decompress_struct& info = decoder.info;
  info.scale_denom = reduction(std::min(info.image_width, info.image_height), enough);
  jpeg_calc_output_dimensions(&info);
  Image image{info.output_width, info.output_height, {}};
  image.rgb.resize(3 * checked_pixels(image.width, image.height, name));
  const int orientation = orientation_of(info);  // decoding frees the markers
  std::vector<uint8_t> cmyk_row(info.num_components == 4 ? size_t{4} * info.image_width : 0);
  check(read_pixels(decoder, image.rgb.data(), cmyk_row.empty() ? nullptr : cmyk_row.data()),
        decoder, name);
  return upright(std::move(image), orientation);
}

Part decode_jpeg_part(std::span<const std::byte> bytes, const std::string& name,
                      const Window& window, int64_t enough) {
  // Colours are interpolated from neighbouring columns, so that a few more columns than wanted are
  // decoded.
  constexpr int64_t kNeighbours = 4;
  Decoder decoder;
  check(read_header(decoder, bytes), decoder, name);
  check_header(decoder, name);
  jpeg_decompress_struct& info = decoder.info;
  if (info.num_components == 4 || orientation_of(info) != 1)
    return part_of(decode_jpeg(bytes, name, 0), window, name);  // rare, so decoded whole
  check_inside(window, info.image_width, info.image_height, name);
  info.scale_denom = reduction(std::min(window.width, window.height), enough);
  jpeg_calc_output_dimensions(&info);
  const Window wanted = reduced(window, info.scale_denom);
  const int64_t first = std::max<int64_t>(wanted.left - kNeighbours, 0);
  auto left = static_cast<JDIMENSION>(first);
  auto width = static_cast<JDIMENSION>(
      std::min<int64_t>(wanted.left + wanted.width + kNeighbours, info.output_width) - first);
  check(start_columns(decoder, &left, &width), decoder, name);
  Part part{{width, wanted.height,
             std::vector<uint8_t>(size_t{3} * width * static_cast<size_t>(wanted.height))},
            {0, wanted.left - left, wanted.height, wanted.width}};
  check(read_rows(decoder, wanted.top, wanted.height, part.image.rgb.data()), decoder, name);
  return part;
}

}  // namespace retort::data
