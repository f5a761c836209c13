#include <webp/decode.h>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"

namespace retort::data {

Image decode_webp(std::span<const std::byte> bytes, const std::string& name) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
    throw Error("does not decode as WebP: its header is malformed or cut", name);
  if (features.has_animation != 0) throw Error("is an animated WebP", name, "save one frame of it");
  const size_t count = checked_pixels(features.width, features.height, name);
  const bool alpha = features.has_alpha != 0;
  std::vector<uint8_t> pixels((alpha ? 4 : 3) * count);
  const auto decode_into = alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode_into(data, bytes.size(), pixels.data(), pixels.size(), (alpha ? 4 : 3) * features.width) == nullptr) {
    throw Error("does not decode as WebP: its data is malformed or cut", name);
  }
  return alpha ? over_white(features.width, features.height, pixels) : Image{features.width, features.height, std::move(pixels)};
}

}  // namespace retort::data
