#include "retort/data/planes.h"

#include <cstddef>

#include "retort/core/vectorised.h"

namespace retort::data {
namespace {

RETORT_VECTORISED void split_channels(const uint8_t* rgb, int64_t count, uint8_t* r, uint8_t* g,
                                      uint8_t* b) {
  for (int64_t i = 0; i < count; ++i) {
    r[i] = rgb[3 * i];
    g[i] = rgb[3 * i + 1];
    b[i] = rgb[3 * i + 2];
  }
}

RETORT_VECTORISED void join_channels(const uint8_t* r, const uint8_t* g, const uint8_t* b,
                                     int64_t count, uint8_t* rgb) {
  for (int64_t i = 0; i < count; ++i) {
    rgb[3 * i] = r[i];
    rgb[3 * i + 1] = g[i];
    rgb[3 * i + 2] = b[i];
  }
}

}  // namespace

Planes::Planes(const uint8_t* rgb, int64_t width, int64_t height)
    : width_(width), height_(height), bytes_(static_cast<size_t>(3 * width * height)) {
  split_channels(rgb, count(), channel(0), channel(1), channel(2));
}

void Planes::copy_to(uint8_t* rgb) const {
  join_channels(channel(0), channel(1), channel(2), count(), rgb);
}

}  // namespace retort::data
