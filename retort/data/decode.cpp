#include "retort/data/decode.h"

#include <algorithm>
#include <cctype>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/decode_formats.h"
#include "retort/data/image_kind.h"
#include "retort/data/window.h"

namespace retort::data {

namespace {

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr int64_t kAllowedPixels = 1 << 20;  // so that each input of a fuzzer takes milliseconds
#else
constexpr int64_t kAllowedPixels = kMaxPixels;
#endif

}  // namespace

size_t checked_pixels(int64_t width, int64_t height, const std::string& name) {
  if (width < 1 || height < 1) throw Error("has no pixels", name);
  if (width > kAllowedPixels / height) {
    throw Error("is " + std::to_string(width) + " x " + std::to_string(height) +
                    " pixels, more than " + std::to_string(kAllowedPixels),
                name, "make it smaller");
  }
  return static_cast<size_t>(width * height);
}

Image over_white(int64_t width, int64_t height, const std::vector<uint8_t>& rgba) {
  Image image{width, height, std::vector<uint8_t>(rgba.size() / 4 * 3)};
  const uint8_t* in = rgba.data();
  for (size_t i = 0; i < image.rgb.size(); i += 3, in += 4) {
    const int alpha = in[3];
    for (size_t c = 0; c < 3; ++c)
      image.rgb[i + c] = static_cast<uint8_t>((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  return image;
}

namespace {

[[noreturn]] void refuse(ImageKind kind, const std::string& name) {
  if (kind == ImageKind::none)
    throw Error("is not an image of a kind that is known", name, "use " + kinds_read());
  if (kind == ImageKind::gif || kind == ImageKind::tiff || kind == ImageKind::avif) {
    throw Error("is a " + to_string(kind) +
                    " image, and this program was built without the library that reads them",
                name,
                "install it (scripts/install.sh build) and build again, or use " + kinds_read());
  }
  throw Error("is a " + to_string(kind) + " image, which is not read", name,
              "convert it to JPEG or PNG");
}

}  // namespace

Image decode(std::span<const std::byte> bytes, const std::string& name, int64_t enough) {
  if (bytes.empty()) throw Error("is empty", name);
  const ImageKind kind = kind_of(bytes);
  switch (kind) {
    case ImageKind::jpeg:
      return decode_jpeg(bytes, name, enough);
    case ImageKind::png:
      return decode_png(bytes, name);
    case ImageKind::webp:
      return decode_webp(bytes, name);
    case ImageKind::bmp:
      return decode_bmp(bytes, name);
    case ImageKind::pnm:
      return decode_pnm(bytes, name);
#if RETORT_GIF
    case ImageKind::gif:
      return decode_gif(bytes, name);
#endif
#if RETORT_TIFF
    case ImageKind::tiff:
      return decode_tiff(bytes, name);
#endif
#if RETORT_AVIF
    case ImageKind::avif:
      return decode_avif(bytes, name);
#endif
    default:
      refuse(kind, name);
  }
}

Part decode_part(std::span<const std::byte> bytes, const std::string& name, const Window& window,
                 int64_t enough) {
  if (kind_of(bytes) == ImageKind::jpeg) return decode_jpeg_part(bytes, name, window, enough);
  return part_of(decode(bytes, name), window, name);
}

Image decode_file(const std::filesystem::path& path, int64_t enough) {
  const std::string data = read_file(path);
  return decode(std::as_bytes(std::span(data)), path.string(), enough);
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool is_image_name(const std::filesystem::path& path) { return is_read(kind_by_name(path)); }

}  // namespace retort::data
