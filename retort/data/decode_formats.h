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
// Only builds that have their libraries contain these three.
Image decode_gif(std::span<const std::byte> bytes, const std::string& name);
Image decode_tiff(std::span<const std::byte> bytes, const std::string& name);
Image decode_avif(std::span<const std::byte> bytes, const std::string& name);

// The number of pixels; throws Error when it is zero or above kMaxPixels.
size_t checked_pixels(int64_t width, int64_t height, const std::string& name);

// RGBA over a white ground. PIL's convert("RGB") drops the alpha channel instead and shows whatever
// lies beneath transparent pixels.
Image over_white(int64_t width, int64_t height, const std::vector<uint8_t>& rgba);

}  // namespace retort::data
