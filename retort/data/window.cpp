#include "retort/data/window.h"

#include <cstring>
#include <utility>

#include "retort/core/error.h"

namespace retort::data {

Image cut(const ImageView& image, const Window& window) {
  Image out{window.width, window.height,
            std::vector<uint8_t>(static_cast<size_t>(3 * window.width * window.height))};
  for (int64_t y = 0; y < window.height; ++y) {
    const uint8_t* row = image.rgb + 3 * ((window.top + y) * image.width + window.left);
    std::memcpy(out.rgb.data() + 3 * y * window.width, row, static_cast<size_t>(3 * window.width));
  }
  return out;
}

Image interleaved(const Planes& planes) {
  Image image{planes.width(), planes.height(),
              std::vector<uint8_t>(static_cast<size_t>(3 * planes.count()))};
  planes.copy_to(image.rgb.data());
  return image;
}

void check_inside(const Window& window, int64_t width, int64_t height, const std::string& name) {
  if (window.height >= 1 && window.width >= 1 && window.top >= 0 && window.left >= 0 &&
      window.height <= height - window.top && window.width <= width - window.left)
    return;
  throw Error("the crop lies outside an image of " + std::to_string(width) + " x " +
                  std::to_string(height) + " pixels",
              name);
}

Part part_of(Image image, const Window& window, const std::string& name) {
  check_inside(window, image.width, image.height, name);
  return {std::move(image), window};
}

}  // namespace retort::data
