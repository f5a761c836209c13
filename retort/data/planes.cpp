#include "retort/data/planes.h"

#include <algorithm>
#include <cstddef>

#include "retort/core/vectorised.h"

namespace retort::data {
namespace {

RETORT_VECTORISED void deal(const uint8_t* rgb, int64_t count, uint8_t* r, uint8_t* g, uint8_t* b) {
  for (int64_t i = 0; i < count; ++i) {
    r[i] = rgb[3 * i];
    g[i] = rgb[3 * i + 1];
    b[i] = rgb[3 * i + 2];
  }
}

RETORT_VECTORISED void gather(const uint8_t* r, const uint8_t* g, const uint8_t* b, int64_t count, uint8_t* rgb) {
  for (int64_t i = 0; i < count; ++i) {
    rgb[3 * i] = r[i];
    rgb[3 * i + 1] = g[i];
    rgb[3 * i + 2] = b[i];
  }
}

void quarter_turn(uint8_t* square, int64_t side) {
  const auto at = [&](int64_t row, int64_t column) -> uint8_t& { return square[row * side + column]; };
  // Four pixels change places at a time.
  for (int64_t i = 0; i < side / 2; ++i) {
    for (int64_t j = 0; j < (side + 1) / 2; ++j) {
      const int64_t bottom = side - 1 - i, right = side - 1 - j;
      const uint8_t first = at(i, j);
      at(i, j) = at(j, bottom);
      at(j, bottom) = at(bottom, right);
      at(bottom, right) = at(right, i);
      at(right, i) = first;
    }
  }
}

}  // namespace

Planes::Planes(const uint8_t* rgb, int64_t width, int64_t height)
    : width_(width), height_(height), bytes_(static_cast<size_t>(3 * width * height)) {
  deal(rgb, count(), channel(0), channel(1), channel(2));
}

void Planes::copy_to(uint8_t* rgb) const { gather(channel(0), channel(1), channel(2), count(), rgb); }

void turn(Planes& image, int64_t quarters) {
  for (int64_t c = 0; c < 3; ++c) {
    uint8_t* const channel = image.channel(c);
    if (quarters & 2) std::reverse(channel, channel + image.count());
    if (quarters & 1) quarter_turn(channel, image.width());
  }
}

}  // namespace retort::data
