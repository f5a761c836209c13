#pragma once

#include <cstdint>

#include <c10/util/BFloat16.h>

#include "retort/kernels/depthwise_weights.h"

namespace retort::kernels {

// The three input rows of one image that a 3×3 depthwise kernel reads for row `y` of the output,
// for 32 channels. `image` points to the first of these channels. Padding reads as zeros.
struct RowsUnder {
  static constexpr int kSide = 3;

  [[gnu::always_inline]] RowsUnder(const c10::BFloat16* image, const DepthwiseShape& s, int64_t y)
      : width_(s.width) {
    for (int i = 0; i < kSide; ++i) {
      const int64_t at = y * s.stride[0] + i - s.padding[0];
      const bool inside = at >= 0 && at < s.height;
      row_[i] = inside ? image + at * s.width * s.channels : kNothing;
      step_[i] = inside ? s.channels : 0;
    }
  }
  [[gnu::always_inline]] const c10::BFloat16* at(int i, int64_t column) const {
    return column >= 0 && column < width_ ? row_[i] + column * step_[i] : kNothing;
  }

 private:
  static constexpr c10::BFloat16 kNothing[kWideDepthwiseChannels]{};
  const c10::BFloat16* row_[kSide];
  int64_t step_[kSide];
  int64_t width_;
};

}  // namespace retort::kernels
