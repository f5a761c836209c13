#include "retort/kernels/depthwise_weights.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "retort/core/vectorised.h"
#include "retort/kernels/bf16_vectors.h"
#include "retort/kernels/depthwise_rows.h"

namespace retort::kernels {
namespace {

constexpr int64_t kBlock = 32;    // most channels at a time; sums of a row of taps fit in registers
constexpr int64_t kNear = 256;    // pixels of the gradient that stay in L1 for all kernel rows
constexpr int64_t kShare = 4096;  // pixels that share one sum, however many threads run

// These are separate types because GCC 12 treats a vector whose size depends on a template
// parameter as a scalar.
struct Vector8 {
  static constexpr int kLanes = 8;
  using Floats [[gnu::vector_size(32)]] = float;
  using Halves [[gnu::vector_size(16)]] = uint16_t;
  using Words [[gnu::vector_size(32)]] = uint32_t;
};
struct Vector16 {
  static constexpr int kLanes = 16;
  using Floats [[gnu::vector_size(64)]] = float;
  using Halves [[gnu::vector_size(32)]] = uint16_t;
  using Words [[gnu::vector_size(64)]] = uint32_t;
};

// The vectors for one step of Count · kLanes channels.
template <class V, int Count>
struct Width : V {
  static constexpr int kVectors = Count, kChannels = V::kLanes * Count;

  [[gnu::always_inline]] static void load(const float* from, typename V::Floats& to) {
    std::memcpy(&to, from, sizeof to);
  }
  [[gnu::always_inline]] static void load(const c10::BFloat16* from, typename V::Floats& to) {
    typename V::Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    const typename V::Words words = __builtin_convertvector(halves, typename V::Words) << 16;
    std::memcpy(&to, &words, sizeof to);
  }
};

using Few = Width<Vector8, 1>;
using Many = Width<Vector8, 2>;
using Wide = Width<Vector16, 2>;
static_assert(Few::kChannels == kFewestDepthwiseChannels &&
              Wide::kChannels == kWideDepthwiseChannels && Wide::kChannels == kBlock);

struct Range {
  int64_t begin, end;
};
// The output positions in [begin, end) for which kernel position `tap` lies inside the input.
Range seeing(int64_t tap, Range of, int64_t inputs, int64_t stride, int64_t padding) {
  // Quotients are rounded up; negative ones become 0 or less.
  const int64_t first = (padding - tap + stride - 1) / stride,
                last = (inputs + padding - tap + stride - 1) / stride;
  return {std::max(of.begin, first), std::min(of.end, last)};
}

// Some channels of some images, for some taps of the kernel. `start` is the offset in `input` of
// the first tap at the output's first position; it is outside the input where there is padding.
template <class T>
struct Pass {
  const T *input, *gradient;
  int64_t start;
  const DepthwiseShape& s;
  int64_t images;
  Range rows;  // of the output
  const T* under(int64_t n, int64_t y, int64_t x) const {
    return input +
           (start + ((n * s.height + y * s.stride[0]) * s.width + x * s.stride[1]) * s.channels);
  }
  const T* at(int64_t n, int64_t y, int64_t x) const {
    return gradient + ((n * s.out_height + y) * s.out_width + x) * s.channels;
  }
};

// sums[tap][channel] += Σ gradient · the input under the tap, for a row of taps that are all inside
// the input for those columns.
template <int Taps, class W, class T>
[[gnu::always_inline]] inline void add_taps(const Pass<T>& pass, Range columns, float* sums) {
  if (columns.begin >= columns.end || pass.rows.begin >= pass.rows.end) return;
  const int64_t channels = pass.s.channels, step = pass.s.stride[1] * channels;
  typename W::Floats found[Taps][W::kVectors];
  for (int tap = 0; tap < Taps; ++tap)
    for (int v = 0; v < W::kVectors; ++v)
      W::load(sums + tap * kBlock + v * W::kLanes, found[tap][v]);
  for (int64_t n = 0; n < pass.images; ++n)
    for (int64_t y = pass.rows.begin; y < pass.rows.end; ++y) {
      const T* input = pass.under(n, y, columns.begin);
      const T* gradient = pass.at(n, y, columns.begin);
      for (int64_t x = columns.begin; x < columns.end; ++x, input += step, gradient += channels)
        for (int v = 0; v < W::kVectors; ++v) {
          typename W::Floats by, pixel;
          W::load(gradient + v * W::kLanes, by);
          for (int tap = 0; tap < Taps; ++tap) {
            W::load(input + tap * channels + v * W::kLanes, pixel);
            found[tap][v] += by * pixel;
          }
        }
    }
  for (int tap = 0; tap < Taps; ++tap)
    for (int v = 0; v < W::kVectors; ++v)
      std::memcpy(sums + tap * kBlock + v * W::kLanes, &found[tap][v], sizeof found[tap][v]);
}

// Adds tap by tap, each over the columns for which it is inside the input.
template <class W, class T>
[[gnu::always_inline]] inline void add_each_tap(const Pass<T>& pass, Range columns, float* sums) {
  const DepthwiseShape& s = pass.s;
  for (int64_t tap = 0; tap < s.kernel_width; ++tap)
    add_taps<1, W>(Pass<T>{pass.input, pass.gradient, pass.start + tap * s.channels, s, pass.images,
                           pass.rows},
                   seeing(tap, columns, s.width, s.stride[1], s.padding[1]), sums + tap * kBlock);
}

// Adds a row of the kernel over all columns. Taps: the kernel's width.
template <int Taps, class W, class T>
[[gnu::always_inline]] inline void add_row(const Pass<T>& pass, float* sums) {
  const DepthwiseShape& s = pass.s;
  const int64_t begin = seeing(0, {0, s.out_width}, s.width, s.stride[1], s.padding[1]).begin;
  const int64_t end = seeing(Taps - 1, {0, s.out_width}, s.width, s.stride[1], s.padding[1]).end;
  if (begin >= end) return add_each_tap<W>(pass, {0, s.out_width}, sums);
  add_each_tap<W>(pass, {0, begin}, sums);
  add_taps<Taps, W>(pass, {begin, end}, sums);
  add_each_tap<W>(pass, {end, s.out_width}, sums);
}

// Taps: the kernel's width, or 0 for any width.
template <int Taps, class W, class T>
[[gnu::always_inline]] inline void add_images(const T* input, const T* gradient,
                                              const DepthwiseShape& s, int64_t images,
                                              float* sums) {
  const int64_t near = std::max<int64_t>(1, kNear / s.out_width),
                together = std::max<int64_t>(1, near / s.out_height);
  for (int64_t n = 0; n < images; n += together)
    for (int64_t start = 0; start < s.out_height; start += near)
      for (int64_t i = 0; i < s.kernel_height; ++i) {
        const Range rows = seeing(i, {start, std::min(start + near, s.out_height)}, s.height,
                                  s.stride[0], s.padding[0]);
        const Pass<T> pass{
            input,
            gradient + n * s.out_height * s.out_width * s.channels,
            ((n * s.height + i - s.padding[0]) * s.width - s.padding[1]) * s.channels,
            s,
            std::min(together, images - n),
            rows};
        float* to = sums + i * s.kernel_width * kBlock;
        if constexpr (Taps == 0)
          add_each_tap<W>(pass, {0, s.out_width}, to);
        else
          add_row<Taps, W>(pass, to);
      }
}

// sums[kernel row][kernel column][channel] += the gradients of some images, for W::kChannels
// channels from the pointers on.
template <class W, class T>
[[gnu::always_inline]] inline void add_channels(const T* input, const T* gradient,
                                                const DepthwiseShape& s, int64_t images,
                                                float* sums) {
  if (s.kernel_width == 3)
    add_images<3, W>(input, gradient, s, images, sums);
  else if (s.kernel_width == 5)
    add_images<5, W>(input, gradient, s, images, sums);
  else
    add_images<0, W>(input, gradient, s, images, sums);
}

// The same for a block of 8 channels, or of 16 where there are that many.
template <class T>
[[gnu::always_inline]] inline void add_channels(const T* input, const T* gradient,
                                                const DepthwiseShape& s, int64_t images,
                                                float* sums) {
  if (s.channels < Many::kChannels)
    add_channels<Few>(input, gradient, s, images, sums);
  else
    add_channels<Many>(input, gradient, s, images, sums);
}
RETORT_VECTORISED void add_block(const float* input, const float* gradient, const DepthwiseShape& s,
                                 int64_t images, float* sums) {
  add_channels(input, gradient, s, images, sums);
}
RETORT_VECTORISED void add_block(const c10::BFloat16* input, const c10::BFloat16* gradient,
                                 const DepthwiseShape& s, int64_t images, float* sums) {
  add_channels(input, gradient, s, images, sums);
}
#ifdef RETORT_AVX512
// Adds all taps of a 3×3 kernel in one pass: the registers hold their sums and the inputs under
// them, and a step to the right loads only as many columns as the stride. sums[tap][channel] has
// every other channel.
template <int Stride, int First>
[[gnu::always_inline]] inline void add_square(const c10::BFloat16* input,
                                              const c10::BFloat16* gradient,
                                              const DepthwiseShape& s, int64_t images, Range rows,
                                              float* sums) {
  constexpr int kSide = RowsUnder::kSide;
  Bf16Pairs::Floats found[kSide][kSide], under[kSide][kSide], by;
  std::memcpy(found, sums, sizeof found);
  for (int64_t n = 0; n < images; ++n)
    for (int64_t y = rows.begin; y < rows.end; ++y) {
      const RowsUnder seen(input + n * s.height * s.width * s.channels, s, y);
      const auto look = [&](int64_t column, int to) __attribute__((always_inline)) {
        for (int i = 0; i < kSide; ++i) Bf16Pairs::load<First>(seen.at(i, column), under[i][to]);
      };
      for (int j = Stride; j < kSide; ++j) look(j - Stride - s.padding[1], j);
      const c10::BFloat16* at = gradient + (n * s.out_height + y) * s.out_width * s.channels;
      for (int64_t x = 0; x < s.out_width; ++x, at += s.channels) {
        for (int i = 0; i < kSide; ++i)
          for (int j = Stride; j < kSide; ++j) under[i][j - Stride] = under[i][j];
        for (int j = kSide - Stride; j < kSide; ++j) look(x * Stride + j - s.padding[1], j);
        Bf16Pairs::load<First>(at, by);
        for (int i = 0; i < kSide; ++i)
          for (int j = 0; j < kSide; ++j) found[i][j] += by * under[i][j];
      }
    }
  std::memcpy(sums, found, sizeof found);
}

// Takes as many rows at a time as stay in the L1 cache while even channels and then odd ones are
// added.
template <int Stride>
[[gnu::always_inline]] inline void add_squares(const c10::BFloat16* input,
                                               const c10::BFloat16* gradient,
                                               const DepthwiseShape& s, int64_t images,
                                               float* sums) {
  constexpr int kTaps = RowsUnder::kSide * RowsUnder::kSide, kHalf = kBlock / 2;
  float even[kTaps * kHalf]{}, odd[kTaps * kHalf]{};
  const int64_t near = std::max<int64_t>(1, kNear / s.out_width),
                together = std::max<int64_t>(1, near / s.out_height);
  for (int64_t n = 0; n < images; n += together) {
    const auto *from = input + n * s.height * s.width * s.channels,
               *by = gradient + n * s.out_height * s.out_width * s.channels;
    for (int64_t start = 0; start < s.out_height; start += near) {
      const Range rows{start, std::min(start + near, s.out_height)};
      add_square<Stride, 0>(from, by, s, std::min(together, images - n), rows, even);
      add_square<Stride, 1>(from, by, s, std::min(together, images - n), rows, odd);
    }
  }
  for (int tap = 0; tap < kTaps; ++tap)
    for (int c = 0; c < kHalf; ++c) {
      sums[tap * kBlock + 2 * c] += even[tap * kHalf + c];
      sums[tap * kBlock + 2 * c + 1] += odd[tap * kHalf + c];
    }
}

RETORT_AVX512 void add_wide_block(const float* input, const float* gradient,
                                  const DepthwiseShape& s, int64_t images, float* sums) {
  add_channels<Wide>(input, gradient, s, images, sums);
}
RETORT_AVX512 void add_wide_block(const c10::BFloat16* input, const c10::BFloat16* gradient,
                                  const DepthwiseShape& s, int64_t images, float* sums) {
  if (s.kernel_height != 3 || s.kernel_width != 3 || s.stride[1] > 2)
    return add_channels<Wide>(input, gradient, s, images, sums);
  return s.stride[1] == 1 ? add_squares<1>(input, gradient, s, images, sums)
                          : add_squares<2>(input, gradient, s, images, sums);
}
#endif

template <class T>
struct Block {
  int64_t channels;
  void (*add)(const T* input, const T* gradient, const DepthwiseShape& s, int64_t images,
              float* sums);
};
// The largest block that this many channels fill.
template <class T>
Block<T> block_of(int64_t channels) {
#ifdef RETORT_AVX512
  if (channels >= Wide::kChannels && has_avx512()) return {Wide::kChannels, add_wide_block};
#endif
  return {channels < Many::kChannels ? Few::kChannels : Many::kChannels, add_block};
}

// Shares of the images and blocks of the channels are computed in parallel.
template <class T>
at::Tensor gradient_of(const at::Tensor& input, const at::Tensor& gradient,
                       const DepthwiseShape& s) {
  const Block<T> block = block_of<T>(s.channels);
  const int64_t blocks = (s.channels + block.channels - 1) / block.channels;
  const int64_t taps = s.kernel_height * s.kernel_width, pixels = s.out_height * s.out_width;
  const int64_t each = (kShare + pixels - 1) / pixels, shares = (s.images + each - 1) / each;
  const at::Tensor totals =
      at::empty({shares, s.channels, taps}, input.options().dtype(at::kFloat));
  auto* to = totals.mutable_data_ptr<float>();
  const T* in = input.const_data_ptr<T>();
  const T* by = gradient.const_data_ptr<T>();
  at::parallel_for(0, shares * blocks, 1, [&](int64_t begin, int64_t end) {
    std::array<float, kLargestDepthwiseKernel * kLargestDepthwiseKernel * kBlock> sums;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / blocks * each, wanted = task % blocks * block.channels;
      const int64_t first = std::min(
          wanted, s.channels - block.channels);  // the last block may overlap the one before
      sums.fill(0);
      block.add(in + image * s.height * s.width * s.channels + first,
                by + image * pixels * s.channels + first, s, std::min(each, s.images - image),
                sums.data());
      for (int64_t c = wanted; c < first + block.channels; ++c)
        for (int64_t tap = 0; tap < taps; ++tap)
          to[(task / blocks * s.channels + c) * taps + tap] =
              sums[static_cast<size_t>(tap * kBlock + c - first)];
    }
  });
  return totals.sum(0)
      .view({s.channels, 1, s.kernel_height, s.kernel_width})
      .to(input.scalar_type());
}

}  // namespace

at::Tensor depthwise_weight_gradient(const at::Tensor& input, const at::Tensor& gradient,
                                     const DepthwiseShape& shape) {
  return input.scalar_type() == at::kFloat ? gradient_of<float>(input, gradient, shape)
                                           : gradient_of<c10::BFloat16>(input, gradient, shape);
}

}  // namespace retort::kernels
