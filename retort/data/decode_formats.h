#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "retort/data/decode.h"

namespace retort::data {

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, int64_t enough);
Part decode_jpeg_part(std::span<const std::byte> bytes, const std::string& name,
                      const Window& window, int64_t enough);
Image decode_png(std::span<const std::byte> bytes, const std::string& name);
Image decode_webp(std::span<const std::byte> bytes, const std::string& name);
Image decode_bmp(std::span<const std::byte> bytes, const std::string& name);
Image decode_pnm(std::span<const std::byte> bytes, const std::string& name);
// These three exist only in builds with their libraries.
Image decode_gif(std::span<const std::byte> bytes, const std::string& name);
Image decode_tiff(std::span<const std::byte> bytes, const std::string& name);
Image decode_avif(std::span<const std::byte> bytes, const std::string& name);

// The number of pixels; throws Error when it is zero or above kMaxPixels.
size_t checked_pixels(int64_t width, int64_t height, const std::string& name);

// RGBA over white. PIL's convert("RGB") instead drops the alpha channel and shows the colours of
// transparent pixels.
Image over_white(int64_t width, int64_t height, const std::vector<uint8_t>& rgba);

}  // namespace retort::data
