#include <avif/avif.h>

#include <memory>
#include <string_view>

#include "retort/core/error.h"
#include "retort/data/decode_formats.h"
#include "retort/data/exif.h"

namespace retort::data {
namespace {

using AvifDecoder =
    std::unique_ptr<avifDecoder,
                    decltype([](avifDecoder* decoder) { avifDecoderDestroy(decoder); })>;

void check_avif(avifResult result, const std::string& name) {
  if (result == AVIF_RESULT_OK) return;
  throw Error(std::string("does not decode as AVIF: ") + avifResultToString(result), name);
}

// True where left and right are exchanged, false where top and bottom are.
bool mirrored_sideways(const avifImage& image) {
#if AVIF_VERSION >= 1000000
  return image.imir.axis != 0;
#else
  return image.imir.mode != 0;
#endif
}

// The rotation by quarters anticlockwise and then the mirroring that the file asks for, as an EXIF
// orientation.
int turned(const avifImage& image) {
  const bool mirror = (image.transformFlags & AVIF_TRANSFORM_IMIR) != 0,
             sideways = mirrored_sideways(image);
  const int quarters = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0 ? image.irot.angle & 3 : 0;
  constexpr int kTurned[] = {1, 8, 3, 6}, kUpsideDown[] = {4, 5, 2, 7}, kSideways[] = {2, 7, 4, 5};
  return !mirror ? kTurned[quarters] : sideways ? kSideways[quarters] : kUpsideDown[quarters];
}

// Like Pillow, uses the file's own transformation, and not the orientation in its EXIF, which may
// differ.
int orientation_of_avif(const avifImage& image) {
  const int own = turned(image);
  const std::span<const std::byte> exif =
      std::as_bytes(std::span(image.exif.data, image.exif.size));
  if (own != 1 || exif_orientation(exif)) return own;
  return orientation_from(
      {}, std::string_view(reinterpret_cast<const char*>(image.xmp.data), image.xmp.size));
}

}  // namespace

Image decode_avif(std::span<const std::byte> bytes, const std::string& name) {
  const AvifDecoder decoder(avifDecoderCreate());
  if (decoder == nullptr) throw std::bad_alloc();
  decoder->maxThreads = 1;  // several images are decoded in parallel
  decoder->imageSizeLimit = kMaxPixels;
  decoder->strictFlags &=
      ~static_cast<avifStrictFlags>(AVIF_STRICT_CLAP_VALID | AVIF_STRICT_PIXI_REQUIRED);
  check_avif(avifDecoderSetIOMemory(decoder.get(), reinterpret_cast<const uint8_t*>(bytes.data()),
                                    bytes.size()),
             name);
  check_avif(avifDecoderParse(decoder.get()), name);
  const avifImage& image = *decoder->image;
  const size_t count = checked_pixels(image.width, image.height, name);
  check_avif(avifDecoderNextImage(decoder.get()), name);
  if (checked_pixels(image.width, image.height, name) != count)
    throw Error("does not decode as AVIF: its sizes differ", name);
  const bool alpha = image.alphaPlane != nullptr;
  std::vector<uint8_t> pixels((alpha ? 4 : 3) * count);
  avifRGBImage out;
  avifRGBImageSetDefaults(&out, &image);
  out.format = alpha ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  out.depth = 8;
  out.pixels = pixels.data();
  out.rowBytes = (alpha ? 4 : 3) * image.width;
  check_avif(avifImageYUVToRGB(&image, &out), name);
  const int orientation = orientation_of_avif(image);
  Image flat = alpha ? over_white(image.width, image.height, pixels)
                     : Image{image.width, image.height, std::move(pixels)};
  return upright(std::move(flat), orientation);
}

}  // namespace retort::data
