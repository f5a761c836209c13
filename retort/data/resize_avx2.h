#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/decode.h"
#include "retort/data/planes.h"
#include "retort/data/taps.h"

namespace retort::data {

// What resize_avx2 works with, kept from image to image.
struct ResizeRoom {
  Taps across, down;
  std::vector<int16_t> columns;
  std::vector<uint8_t> sums, rows;
};

// Whether the processor has these instructions.
bool has_avx2();

// Resizer::resize, where it has.
void resize_avx2(const ImageView& image, const Window& window, int64_t width, int64_t height,
                 Interpolation interpolation, bool mirrored, ResizeRoom& room, Planes& out);

}  // namespace retort::data
