#pragma once

#include <cstdint>

#include "retort/core/random.h"
#include "retort/data/decode.h"

namespace retort::testing {

// An image of random bytes, which hardly compresses.
inline data::Image noise(int64_t seed, int64_t width, int64_t height) {
  CounterRng random({static_cast<uint64_t>(seed)});
  data::Image image{width, height, std::vector<uint8_t>(static_cast<size_t>(3 * width * height))};
  for (uint8_t& value : image.rgb) value = static_cast<uint8_t>(random.below(256));
  return image;
}

}  // namespace retort::testing
