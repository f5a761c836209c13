#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>
#include <string_view>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"
#include "retort/data/exif.h"

namespace retort::data {
namespace {

using Demuxer =
    std::unique_ptr<WebPDemuxer, decltype([](WebPDemuxer* demuxer) { WebPDemuxDelete(demuxer); })>;

std::string webp_chunk(const WebPDemuxer* demuxer, const char* name) {
  std::string chunk;
  WebPChunkIterator found{};
  if (WebPDemuxGetChunk(demuxer, name, 1, &found) != 0)
    chunk.assign(reinterpret_cast<const char*>(found.chunk.bytes), found.chunk.size);
  WebPDemuxReleaseChunkIterator(&found);
  return chunk;
}

int orientation_of_webp(const WebPDemuxer* demuxer) {
  const std::string exif = webp_chunk(demuxer, "EXIF");
  return orientation_from(std::as_bytes(std::span(exif)), webp_chunk(demuxer, "XMP "));
}

[[noreturn]] void refuse_webp(const std::string& name) {
  throw Error("does not decode as WebP: its data is malformed or cut", name);
}

// The first frame of an animation, on a canvas that is transparent outside the frame.
std::vector<uint8_t> first_frame(const WebPDemuxer* demuxer, int64_t width, int64_t height,
                                 const std::string& name) {
  std::vector<uint8_t> canvas(4 * checked_pixels(width, height, name));
  WebPIterator frame{};
  const bool found = WebPDemuxGetFrame(demuxer, 1, &frame) != 0;
  const bool inside = found && frame.x_offset >= 0 && frame.y_offset >= 0 &&
                      frame.width <= width - frame.x_offset &&
                      frame.height <= height - frame.y_offset;
  const size_t start =
      inside ? 4 * static_cast<size_t>(frame.y_offset * width + frame.x_offset) : 0;
  const bool good =
      inside && WebPDecodeRGBAInto(frame.fragment.bytes, frame.fragment.size, canvas.data() + start,
                                   canvas.size() - start, static_cast<int>(4 * width)) != nullptr;
  WebPDemuxReleaseIterator(&frame);
  if (!good) refuse_webp(name);
  return canvas;
}

Image without_alpha(int64_t width, int64_t height, const std::vector<uint8_t>& rgba) {
  Image image{width, height, std::vector<uint8_t>(rgba.size() / 4 * 3)};
  for (size_t i = 0; i < rgba.size() / 4; ++i)
    for (size_t c = 0; c < 3; ++c) image.rgb[3 * i + c] = rgba[4 * i + c];
  return image;
}

Image decode_still(std::span<const std::byte> bytes, const WebPBitstreamFeatures& features,
                   const std::string& name) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const bool alpha = features.has_alpha != 0;
  std::vector<uint8_t> pixels((alpha ? 4 : 3) *
                              checked_pixels(features.width, features.height, name));
  const auto decode_into = alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode_into(data, bytes.size(), pixels.data(), pixels.size(),
                  (alpha ? 4 : 3) * features.width) == nullptr)
    refuse_webp(name);
  return alpha ? over_white(features.width, features.height, pixels)
               : Image{features.width, features.height, std::move(pixels)};
}

}  // namespace

Image decode_webp(std::span<const std::byte> bytes, const std::string& name) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK)
    throw Error("does not decode as WebP: its header is malformed or cut", name);
  const WebPData whole{data, bytes.size()};
  const Demuxer demuxer(WebPDemux(&whole));
  if (demuxer == nullptr) refuse_webp(name);
  const int orientation = orientation_of_webp(demuxer.get());
  if (features.has_animation == 0) return upright(decode_still(bytes, features, name), orientation);
  const std::vector<uint8_t> canvas =
      first_frame(demuxer.get(), features.width, features.height, name);
  const auto flattened = features.has_alpha != 0 ? over_white : without_alpha;
  return upright(flattened(features.width, features.height, canvas), orientation);
}

}  // namespace retort::data
