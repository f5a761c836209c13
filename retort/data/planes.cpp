#include "retort/data/planes.h"

#include <cstddef>

namespace retort::data {

Planes::Planes(const uint8_t* rgb, int64_t width, int64_t height)
    : width_(width), height_(height), bytes_(static_cast<size_t>(3 * width * height)) {
  uint8_t *r = channel(0), *g = channel(1), *b = channel(2);
  for (int64_t i = 0; i < count(); ++i) {
    r[i] = rgb[3 * i];
    g[i] = rgb[3 * i + 1];
    b[i] = rgb[3 * i + 2];
  }
}

void Planes::copy_to(uint8_t* rgb) const {
  const uint8_t *r = channel(0), *g = channel(1), *b = channel(2);
  for (int64_t i = 0; i < count(); ++i) {
    rgb[3 * i] = r[i];
    rgb[3 * i + 1] = g[i];
    rgb[3 * i + 2] = b[i];
  }
}

}  // namespace retort::data
