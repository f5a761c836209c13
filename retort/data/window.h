#pragma once

#include <cstdint>
#include <string>

#include "retort/data/decode.h"
#include "retort/data/planes.h"

namespace retort::data {

// The pixels of the window alone.
Image cut(const ImageView& image, const Window& window);

// The bytes of the planes, pixel by pixel.
Image interleaved(const Planes& planes);

inline Window whole(const ImageView& image) { return {0, 0, image.height, image.width}; }

// Throws Error, naming the image, when it is empty, or not all of it is inside.
void check_inside(const Window& window, int64_t width, int64_t height,
                  const std::string& name = "");

// The window as a part of an image that was decoded as a whole. Throws as check_inside.
Part part_of(Image image, const Window& window, const std::string& name);

}  // namespace retort::data
