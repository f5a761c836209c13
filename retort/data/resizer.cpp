#include "retort/data/resizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>

namespace retort::data {
namespace {

// The longest side for resize_avx2, whose buffers are about a hundred times as large as a row.
constexpr int64_t kLongest = 65'536;

}  // namespace

void Resizer::resize(const ImageView& image, const Window& window, int64_t width, int64_t height,
                     Interpolation interpolation, bool mirrored, Planes& out) {
  if (has_avx2() && std::max(window.width, window.height) <= kLongest)
    resize_avx2(image, window, width, height, interpolation, mirrored, room_, out);
  else
    resize_by_libtorch(image, window, width, height, interpolation, mirrored, out);
}

void resize_by_libtorch(const ImageView& image, const Window& window, int64_t width, int64_t height,
                        Interpolation interpolation, bool mirrored, Planes& out) {
  const at::NoGradGuard no_grad;
  // from_blob takes no const pointer; the pixels are only read.
  auto* first = const_cast<uint8_t*>(image.rgb) + 3 * (window.top * image.width + window.left);
  const at::Tensor input =
      at::from_blob(first, {1, 3, window.height, window.width},
                    {3 * image.width * window.height, 1, 3 * image.width, 3}, at::kByte);
  const std::array<int64_t, 2> size{height, width};
  const at::Tensor output = interpolation == Interpolation::bilinear
                                ? at::_upsample_bilinear2d_aa(input, size, /*align_corners=*/false)
                                : at::_upsample_bicubic2d_aa(input, size, /*align_corners=*/false);
  const at::Tensor planes = (mirrored ? output.flip(3) : output).contiguous();
  out.reshape(width, height);
  std::copy_n(planes.const_data_ptr<uint8_t>(), planes.numel(), out.channel(0));
}

}  // namespace retort::data
