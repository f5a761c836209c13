#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"
#include "retort/data/exif.h"

namespace retort::data {
namespace {

// The largest strip or tile, in bytes: the whole of the largest image with four samples of 16 bits.
constexpr tmsize_t kMaxBlock = 8 * kMaxPixels;

constexpr uint16_t kMaxSamples = 32;  // extra samples are not shown, but unpacked

// A file in memory, which libtiff reads through callbacks.
struct TiffSource {
  std::span<const std::byte> bytes;
  size_t at = 0;
  std::string message;  // libtiff's first error that concerns pixels
  bool bad_orientation = false;
};

TiffSource& source_of(thandle_t handle) { return *static_cast<TiffSource*>(handle); }

tmsize_t read_tiff(thandle_t handle, void* out, tmsize_t count) {
  TiffSource& source = source_of(handle);
  const size_t left = source.bytes.size() - std::min(source.at, source.bytes.size());
  const size_t taken = std::min(left, static_cast<size_t>(std::max<tmsize_t>(count, 0)));
  if (taken > 0) std::memcpy(out, source.bytes.data() + source.at, taken);
  source.at += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t write_tiff(thandle_t, void*, tmsize_t) { return 0; }

toff_t seek_tiff(thandle_t handle, toff_t offset, int whence) {
  TiffSource& source = source_of(handle);
  const toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source.at : source.bytes.size();
  source.at = static_cast<size_t>(from + offset);
  return source.at;
}

int close_tiff(thandle_t) { return 0; }
toff_t size_of_tiff(thandle_t handle) { return source_of(handle).bytes.size(); }
int map_tiff(thandle_t, void**, toff_t*) { return 0; }
void unmap_tiff(thandle_t, void*, toff_t) {}

// Keeps libtiff's first error. Errors about invalid values of these tags are left out: libtiff and
// Pillow ignore such a tag.
int keep_message(TIFF*, void* user, const char*, const char* format, va_list values) {
  TiffSource& source = *static_cast<TiffSource*>(user);
  char text[256];
  std::vsnprintf(text, sizeof text, format, values);
  const std::string_view said(text);
  const auto is_of = [&](std::string_view tag) {
    return said.find("ad value") != said.npos && said.find(tag) != said.npos;
  };
  if (is_of("\"Orientation\"")) {
    source.bad_orientation = true;
  } else if (!is_of("\"ResolutionUnit\"") && !is_of("\"XResolution\"") &&
             !is_of("\"YResolution\"") && source.message.empty()) {
    source.message = text;
  }
  return 1;  // nothing goes to stderr
}

int ignore_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using TiffFile = std::unique_ptr<TIFF, decltype([](TIFF* file) { TIFFClose(file); })>;

TiffFile open_tiff(TiffSource& source) {
  const std::unique_ptr<TIFFOpenOptions,
                        decltype([](TIFFOpenOptions* o) { TIFFOpenOptionsFree(o); })>
      options(TIFFOpenOptionsAlloc());
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxBlock);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_message, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_warning, nullptr);
  return TiffFile(TIFFClientOpenExt("image", "rm", &source, read_tiff, write_tiff, seek_tiff,
                                    close_tiff, size_of_tiff, map_tiff, unmap_tiff, options.get()));
}

// libtiff's reader of images as RGBA, with Pillow's colours where the two differ.
class TiffImage {
 public:
  explicit TiffImage(TIFF* file) : file_(file) {
    char why[1024] = "";
    good_ = TIFFRGBAImageOK(file, why) != 0 && TIFFRGBAImageBegin(&image_, file, 1, why) != 0;
    if (good_) {
      as_pillow();
    } else {
      message_ = why;
    }
  }
  ~TiffImage() {
    if (good_) TIFFRGBAImageEnd(&image_);
  }
  TiffImage(const TiffImage&) = delete;
  TiffImage& operator=(const TiffImage&) = delete;

  bool good() const { return good_; }
  const std::string& message() const { return message_; }

  // False when libtiff says that the data is damaged.
  bool read(std::vector<uint32_t>& pixels) {
    return TIFFRGBAImageGet(&image_, pixels.data(), image_.width, image_.height) != 0;
  }

  // Puts the image over white where the file says that its first extra sample is alpha. libtiff has
  // multiplied colours by alpha, but not grey values.
  Image flattened(const std::vector<uint32_t>& pixels) const {
    uint16_t extra_count = 0;
    uint16_t* extra = nullptr;
    TIFFGetFieldDefaulted(file_, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    const bool alpha = extra_count > 0 &&
                       (extra[0] == EXTRASAMPLE_ASSOCALPHA || extra[0] == EXTRASAMPLE_UNASSALPHA);
    const bool grey = image_.photometric == PHOTOMETRIC_MINISBLACK ||
                      image_.photometric == PHOTOMETRIC_MINISWHITE;
    const bool multiply = alpha && grey && extra[0] == EXTRASAMPLE_UNASSALPHA;
    Image out{image_.width, image_.height, std::vector<uint8_t>(3 * pixels.size())};
    uint8_t* rgb = out.rgb.data();
    for (const uint32_t pixel : pixels) {
      const uint32_t a = alpha ? TIFFGetA(pixel) : 255;
      for (uint32_t value : {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)}) {
        if (multiply) value = (value * a + 127) / 255;
        *rgb++ = static_cast<uint8_t>(std::min<uint32_t>(value + 255 - a, 255));
      }
    }
    return out;
  }

 private:
  void as_pillow() {
    image_.orientation = image_.req_orientation = ORIENTATION_TOPLEFT;  // as stored
    if (image_.Bitdepth16To8 != nullptr)
      for (size_t i = 0; i < 65536; ++i) image_.Bitdepth16To8[i] = static_cast<uint8_t>(i >> 8);
    if (image_.photometric == PHOTOMETRIC_PALETTE) set_palette();
    if (image_.photometric == PHOTOMETRIC_SEPARATED && image_.isContig != 0 &&
        image_.bitspersample == 8)
      image_.put.contig = put_cmyk;
  }

  // Fills libtiff's table of the colours of each pixel in a byte with the high bytes of the file's
  // palette. Palettes whose values are all below 256 are left to libtiff.
  void set_palette() {
    uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    const size_t bits = image_.bitspersample, count = size_t{1} << bits;
    if (bits > 8 || image_.PALmap == nullptr ||
        TIFFGetField(file_, TIFFTAG_COLORMAP, &red, &green, &blue) == 0)
      return;
    const auto is_wide = [](uint16_t value) { return value > 255; };
    if (!std::any_of(red, red + count, is_wide) && !std::any_of(green, green + count, is_wide) &&
        !std::any_of(blue, blue + count, is_wide))
      return;
    for (size_t byte = 0; byte < 256; ++byte) {
      for (size_t k = 0; k < 8 / bits; ++k) {
        const size_t index = byte >> (8 - bits * (k + 1)) & (count - 1);
        image_.PALmap[byte][k] = packed(red[index] >> 8, green[index] >> 8, blue[index] >> 8);
      }
    }
  }

  static uint32_t packed(int red, int green, int blue) {
    return static_cast<uint32_t>(red) | static_cast<uint32_t>(green) << 8 |
           static_cast<uint32_t>(blue) << 16 | 0xFF000000U;
  }

  // Pillow's conversion. file_step and image_step, from the end of a row to the next row, are in
  // pixels.
  static void put_cmyk(TIFFRGBAImage* image, uint32_t* out, uint32_t, uint32_t, uint32_t width,
                       uint32_t height, int32_t file_step, int32_t image_step, unsigned char* in) {
    const int64_t samples = image->samplesperpixel;
    for (; height > 0; --height, out += image_step, in += file_step * samples) {
      for (uint32_t x = 0; x < width; ++x, in += samples) {
        const int white = 255 - in[3];
        const auto shade = [&](int ink) {
          const int product = ink * white + 128;
          return std::clamp(white - (((product >> 8) + product) >> 8), 0, 255);
        };
        *out++ = packed(shade(in[0]), shade(in[1]), shade(in[2]));
      }
    }
  }

  TIFF* file_;
  TIFFRGBAImage image_{};
  bool good_ = false;
  std::string message_;
};

int orientation_of_tiff(TIFF* file) {
  uint16_t orientation = 1;
  if (TIFFGetField(file, TIFFTAG_ORIENTATION, &orientation) != 0) return orientation;
  uint32_t size = 0;
  const char* packet = nullptr;
  if (TIFFGetField(file, TIFFTAG_XMLPACKET, &size, &packet) == 0) return 1;
  return orientation_from({}, std::string_view(packet, size));
}

}  // namespace

Image decode_tiff(std::span<const std::byte> bytes, const std::string& name) {
  TiffSource source{bytes, 0, ""};
  const TiffFile file = open_tiff(source);
  if (file == nullptr) throw Error("does not decode as TIFF: " + source.message, name);
  uint32_t width = 0, height = 0;
  TIFFGetField(file.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(file.get(), TIFFTAG_IMAGELENGTH, &height);
  const size_t count = checked_pixels(width, height, name);
  uint16_t samples = 1;
  TIFFGetFieldDefaulted(file.get(), TIFFTAG_SAMPLESPERPIXEL, &samples);
  if (samples > kMaxSamples)
    throw Error("is a TIFF of " + std::to_string(samples) + " samples a pixel", name,
                "keep at most " + std::to_string(kMaxSamples));
  TiffImage image(file.get());
  if (!image.good()) {
    throw Error("is a TIFF of a kind that is not read: " +
                    (image.message().empty() ? source.message : image.message()),
                name, "save it with 8 or 16 bits a sample, as grey, RGB or CMYK");
  }
  std::vector<uint32_t> pixels(count);
  if (!image.read(pixels) || !source.message.empty())
    throw Error("does not decode as TIFF: " + source.message, name);
  return upright(image.flattened(pixels),
                 source.bad_orientation ? 1 : orientation_of_tiff(file.get()));
}

}  // namespace retort::data
