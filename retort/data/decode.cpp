#include "retort/data/decode.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/decode_formats.h"
#include "retort/data/window.h"

namespace retort::data {

size_t checked_pixels(int64_t width, int64_t height, const std::string& name) {
  if (width < 1 || height < 1) throw Error("has no pixels", name);
  if (width > kMaxPixels / height) {
    throw Error("is " + std::to_string(width) + " x " + std::to_string(height) + " pixels, more than " + std::to_string(kMaxPixels), name,
                "make it smaller");
  }
  return static_cast<size_t>(width * height);
}

Image over_white(int64_t width, int64_t height, const std::vector<uint8_t>& rgba) {
  Image image{width, height, std::vector<uint8_t>(rgba.size() / 4 * 3)};
  const uint8_t* in = rgba.data();
  for (size_t i = 0; i < image.rgb.size(); i += 3, in += 4) {
    const int alpha = in[3];
    for (size_t c = 0; c < 3; ++c) image.rgb[i + c] = static_cast<uint8_t>((in[c] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  return image;
}

namespace {

bool is_jpeg(std::span<const std::byte> bytes) {
  constexpr std::string_view kStart = "\xFF\xD8\xFF";
  return bytes.size() >= kStart.size() && std::memcmp(bytes.data(), kStart.data(), kStart.size()) == 0;
}

}  // namespace

Image decode(std::span<const std::byte> bytes, const std::string& name, int64_t enough) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 12));
  if (head.empty()) throw Error("is empty", name);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name, enough);
  if (head.starts_with("\x89PNG\r\n\x1A\n")) return decode_png(bytes, name);
  if (head.starts_with("RIFF") && head.ends_with("WEBP")) return decode_webp(bytes, name);
  throw Error("is not a JPEG, PNG or WebP image", name);
}

Part decode_part(std::span<const std::byte> bytes, const std::string& name, const Window& window, int64_t enough) {
  if (is_jpeg(bytes)) return decode_jpeg_part(bytes, name, window, enough);
  return part_of(decode(bytes, name), window, name);
}

Image decode_file(const std::filesystem::path& path, int64_t enough) {
  const std::string data = read_file(path);
  return decode(std::as_bytes(std::span(data)), path.string(), enough);
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool is_image_name(const std::filesystem::path& path) {
  const std::string extension = lower_extension(path);
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp";
}

}  // namespace retort::data
