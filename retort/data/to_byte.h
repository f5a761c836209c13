#pragma once

#include <cstdint>

namespace retort::data {

// Truncates the value to a whole number and clamps it to [0, 255]. It is clamped as an integer,
// because comparisons of floats keep the compiler from vectorising; the result is the same. |value|
// < 2^31.
[[gnu::always_inline]] inline uint8_t to_byte(float value) {
  int32_t whole = static_cast<int32_t>(value);
  whole = whole < 0 ? 0 : whole;
  return static_cast<uint8_t>(whole > 255 ? 255 : whole);
}

}  // namespace retort::data
