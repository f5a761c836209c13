#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/decode.h"
#include "retort/data/planes.h"
#include "retort/data/taps.h"

namespace retort::data {

// Buffers of resize_avx2, kept from image to image.
struct ResizeRoom {
  Taps across, down;
  std::vector<int16_t> columns;
  std::vector<uint8_t> sums, rows;
};

// Whether the processor has AVX2.
bool has_avx2();

// Resizer::resize with AVX2 instructions: call it only where has_avx2() is true.
void resize_avx2(const ImageView& image, const Window& window, int64_t width, int64_t height,
                 Interpolation interpolation, bool mirrored, ResizeRoom& room, Planes& out);

}  // namespace retort::data
