#include "retort/data/window.h"

#include <cstring>
#include <utility>

#include "retort/core/error.h"

namespace retort::data {
namespace {

// From the last pixel to the first; four bytes at a time, of which the next pixel overwrites the last.
void mirror_row(const uint8_t* row, int64_t width, uint8_t* to) {
  std::memcpy(to, row + 3 * (width - 1), 3);
  for (int64_t x = 1; x < width - 1; ++x) std::memcpy(to + 3 * x, row + 3 * (width - 1 - x), 4);
  std::memcpy(to + 3 * (width - 1), row, 3);
}

}  // namespace

Image cut(const ImageView& image, const Window& window, bool flip) {
  Image out{window.width, window.height, std::vector<uint8_t>(static_cast<size_t>(3 * window.width * window.height))};
  for (int64_t y = 0; y < window.height; ++y) {
    const uint8_t* row = image.rgb + 3 * ((window.top + y) * image.width + window.left);
    uint8_t* to = out.rgb.data() + 3 * y * window.width;
    if (flip)
      mirror_row(row, window.width, to);
    else
      std::memcpy(to, row, static_cast<size_t>(3 * window.width));
  }
  return out;
}

void check_inside(const Window& window, int64_t width, int64_t height, const std::string& name) {
  if (window.height >= 1 && window.width >= 1 && window.top >= 0 && window.left >= 0 && window.height <= height - window.top &&
      window.width <= width - window.left)
    return;
  throw Error("the crop lies outside an image of " + std::to_string(width) + " x " + std::to_string(height) + " pixels", name);
}

Part part_of(Image image, const Window& window, const std::string& name) {
  check_inside(window, image.width, image.height, name);
  return {std::move(image), window};
}

}  // namespace retort::data
