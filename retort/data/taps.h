#pragma once

#include <cstdint>
#include <vector>

#include "retort/data/input_spec.h"

namespace retort::data {

// The weights that resize one side of an image: output pixel i is a weighted sum of count[i] input
// pixels from first[i] on. The weights are PIL's, with antialias, in libtorch's fixed point for
// bytes: multiples of 1 / 2^shift, with the largest shift at which all weights fit into int16.
struct Taps {
  std::vector<int32_t> first, count;
  std::vector<int16_t> weight;  // `most` for each output pixel, 0 beyond `count`
  int64_t most = 0;             // even
  int shift = 0;

  // Computes the weights to resize a side from `from` to `to` pixels, both at least 1; `mirrored`
  // reverses the output. Allocates only where no side was as large before.
  void weigh(int64_t from, int64_t to, Interpolation interpolation, bool mirrored);

 private:
  std::vector<double> exact_;
};

}  // namespace retort::data
