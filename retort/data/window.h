#pragma once

#include <cstdint>
#include <string>

#include "retort/data/decode.h"
#include "retort/data/planes.h"

namespace retort::data {

// Copies the pixels of the window, which must be inside the image.
Image cut(const ImageView& image, const Window& window);

// The planes as interleaved pixels.
Image interleaved(const Planes& planes);

inline Window whole(const ImageView& image) { return {0, 0, image.height, image.width}; }

// Throws Error, naming the image, when the window is empty or not inside an image of this size.
void check_inside(const Window& window, int64_t width, int64_t height,
                  const std::string& name = "");

// A Part from an image that was decoded as a whole. Throws Error as check_inside does.
Part part_of(Image image, const Window& window, const std::string& name);

}  // namespace retort::data
