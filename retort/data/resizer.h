#pragma once

#include <cstdint>

#include "retort/data/decode.h"
#include "retort/data/input_spec.h"
#include "retort/data/planes.h"
#include "retort/data/resize_avx2.h"

namespace retort::data {

// Resizes images with antialias as PIL does (bilinear, or bicubic with a = -0.5): first along the
// rows, with a result in bytes, then along the columns. Buffers are kept: it allocates only for an
// image larger than those before. Not thread-safe.
class Resizer {
 public:
  // Resizes the window to width x height pixels, which becomes `out`'s size. `mirrored`: left
  // becomes right. The window lies inside the image, and no side is 0.
  void resize(const ImageView& image, const Window& window, int64_t width, int64_t height,
              Interpolation interpolation, bool mirrored, Planes& out);

 private:
  ResizeRoom room_;
};

// The same with libtorch's operators, _upsample_bilinear2d_aa and _upsample_bicubic2d_aa, which
// allocate. Used where the processor has no AVX2, and for sides beyond 65,536. The bytes are the
// same.
void resize_by_libtorch(const ImageView& image, const Window& window, int64_t width, int64_t height,
                        Interpolation interpolation, bool mirrored, Planes& out);

}  // namespace retort::data
