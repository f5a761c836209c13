#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/input_spec.h"

namespace retort::data {

// What each place of a resized side is made of: `count` places of the image's side from `first` on,
// weighted. Weights are PIL's, with antialias, in libtorch's fixed point for bytes: whole numbers
// of 1 / 2^shift, with as many bits after the point as keep the largest within 16.
struct Taps {
  std::vector<int32_t> first, count;
  std::vector<int16_t> weight;  // `most` a place, 0 beyond `count`
  int64_t most = 0;             // even
  int shift = 0;

  // For `to` places of a side of `from`, both at least 1; mirrored, in the opposite order.
  // Allocates only where no side was as large before.
  void weigh(int64_t from, int64_t to, Interpolation interpolation, bool mirrored);

 private:
  std::vector<double> exact_;
};

}  // namespace retort::data
