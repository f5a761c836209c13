#include "retort/data/resize_avx2.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#define RETORT_AVX2 __attribute__((target("avx2")))
#define RETORT_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace retort::data {
namespace {

constexpr int64_t kLanes = 16;

// Transposes 16 × 16 bytes: byte k of the row that row(i) points to becomes byte i of column[k].
template <typename Row>
void transpose(const Row& row, __m128i* column) {
  __m128i other[kLanes];
  for (int64_t i = 0; i < kLanes; ++i)
    column[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row(i)));
  const auto interleave_halves = [](const __m128i* from, __m128i* to) {
    for (int64_t i = 0; i < kLanes / 2; ++i) {
      to[2 * i] = _mm_unpacklo_epi8(from[i], from[i + kLanes / 2]);
      to[2 * i + 1] = _mm_unpackhi_epi8(from[i], from[i + kLanes / 2]);
    }
  };
  interleave_halves(column, other), interleave_halves(other, column);
  interleave_halves(column, other), interleave_halves(other, column);
}

// Transposes sixteen rows of an image, from `rgb` on, and widens them to 16 bits: byte k of row i
// goes to columns[16 k + i]. Where fewer than sixteen rows are left, the last one is repeated.
RETORT_AVX2 void to_columns(const uint8_t* rgb, int64_t pitch, int64_t height, int64_t bytes,
                            int16_t* columns) {
  const uint8_t* row[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) row[i] = rgb + std::min(i, height - 1) * pitch;
  int64_t at = 0;
  for (; at + kLanes <= bytes; at += kLanes) {
    __m128i column[kLanes];
    transpose([&](int64_t i) { return row[i] + at; }, column);
    for (int64_t k = 0; k < kLanes; ++k)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(columns + kLanes * (at + k)),
                          _mm256_cvtepu8_epi16(column[k]));
  }
  for (; at < bytes; ++at)
    for (int64_t i = 0; i < kLanes; ++i) columns[kLanes * at + i] = row[i][at];
}

// The inverse: sums[16 k + i] goes to byte k of row i. Both buffers are padded to the next multiple
// of 16 bytes.
void to_rows(const uint8_t* sums, int64_t bytes, uint8_t* rows, int64_t pitch) {
  for (int64_t at = 0; at < bytes; at += kLanes) {
    __m128i column[kLanes];
    transpose([&](int64_t i) { return sums + kLanes * (at + i); }, column);
    for (int64_t k = 0; k < kLanes; ++k)
      _mm_storeu_si128(reinterpret_cast<__m128i*>(rows + pitch * k + at), column[k]);
  }
}

// Sixteen weighted sums: `low` has those of lanes 0 to 3 and 8 to 11, `high` the others.
struct Sums {
  __m256i low, high;
};

// The weights of two neighbouring taps, repeated in all lanes.
RETORT_INLINE __m256i weights_of(const int16_t* weight) {
  int32_t both = 0;
  std::memcpy(&both, weight, sizeof both);
  return _mm256_set1_epi32(both);
}

RETORT_INLINE void add(Sums& sums, __m256i first, __m256i second, __m256i weights) {
  sums.low =
      _mm256_add_epi32(sums.low, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), weights));
  sums.high =
      _mm256_add_epi32(sums.high, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), weights));
}

RETORT_INLINE __m128i bytes_of(const Sums& sums, int shift) {
  const __m128i by = _mm_cvtsi32_si128(shift);
  const __m256i halves =
      _mm256_packs_epi32(_mm256_sra_epi32(sums.low, by), _mm256_sra_epi32(sums.high, by));
  return _mm_packus_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}

RETORT_INLINE __m256i load(const int16_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

RETORT_INLINE __m256i widened(const uint8_t* from) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

RETORT_INLINE void store(uint8_t* to, __m128i bytes) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
}

// Writes one channel after the other: for each, `width` columns of sixteen sums.
RETORT_AVX2 void sum_across(const int16_t* columns, const Taps& taps, int64_t width,
                            uint8_t* sums) {
  constexpr int64_t kPixel = 3 * kLanes;
  const __m256i half = _mm256_set1_epi32(1 << (taps.shift - 1));
  const int32_t *first = taps.first.data(), *count = taps.count.data();
  const int16_t* weight = taps.weight.data();
  const int64_t most = taps.most;
  const int shift = taps.shift;
  for (int64_t x = 0; x < width; ++x) {
    Sums red{half, half}, green = red, blue = red;
    for (int64_t k = 0; k < count[x]; k += 2) {
      const __m256i weights = weights_of(weight + most * x + k);
      const int16_t* pixel = columns + kPixel * (first[x] + k);
      add(red, load(pixel), load(pixel + kPixel), weights);
      add(green, load(pixel + kLanes), load(pixel + kPixel + kLanes), weights);
      add(blue, load(pixel + 2 * kLanes), load(pixel + kPixel + 2 * kLanes), weights);
    }
    store(sums + kLanes * x, bytes_of(red, shift));
    store(sums + kLanes * (width + x), bytes_of(green, shift));
    store(sums + kLanes * (2 * width + x), bytes_of(blue, shift));
  }
}

RETORT_AVX2 void sum_down(const uint8_t* rows, int64_t pitch, const Taps& taps, int64_t width,
                          int64_t height, uint8_t* out) {
  const __m256i half = _mm256_set1_epi32(1 << (taps.shift - 1));
  for (int64_t y = 0; y < height; ++y, out += width) {
    const auto place = static_cast<size_t>(y);
    const int16_t* weight = taps.weight.data() + taps.most * y;
    const int32_t count = taps.count[place];
    for (int64_t x = 0; x < width; x += kLanes) {
      const uint8_t* from = rows + pitch * taps.first[place] + x;
      Sums sums{half, half};
      for (int64_t k = 0; k < count; k += 2)
        add(sums, widened(from + pitch * k), widened(from + pitch * (k + 1)),
            weights_of(weight + k));
      const __m128i bytes = bytes_of(sums, taps.shift);
      if (x + kLanes <= width)
        store(out + x, bytes);
      else
        std::memcpy(out + x, &bytes, static_cast<size_t>(width - x));
    }
  }
}

template <typename T>
void grow(std::vector<T>& to, int64_t size) {
  if (to.size() < static_cast<size_t>(size)) to.resize(static_cast<size_t>(size));
}

}  // namespace

bool has_avx2() { return __builtin_cpu_supports("avx2") != 0; }

void resize_avx2(const ImageView& image, const Window& window, int64_t width, int64_t height,
                 Interpolation interpolation, bool mirrored, ResizeRoom& room, Planes& out) {
  out.reshape(width, height);
  room.across.weigh(window.width, width, interpolation, mirrored);
  room.down.weigh(window.height, height, interpolation, /*mirrored=*/false);
  const int64_t pitch = (3 * width + kLanes - 1) / kLanes * kLanes,
                rows = (window.height + kLanes - 1) / kLanes * kLanes;
  // The buffers have a pixel, a row and a vector more than the image: these are read with a weight
  // of 0 or not used.
  grow(room.columns, kLanes * 3 * (window.width + 1));
  grow(room.sums, kLanes * pitch);
  grow(room.rows, (rows + 1) * pitch + kLanes);
  const uint8_t* first = image.rgb + 3 * (window.top * image.width + window.left);
  for (int64_t y = 0; y < window.height; y += kLanes) {
    to_columns(first + 3 * image.width * y, 3 * image.width, window.height - y, 3 * window.width,
               room.columns.data());
    sum_across(room.columns.data(), room.across, width, room.sums.data());
    to_rows(room.sums.data(), 3 * width, room.rows.data() + pitch * y, pitch);
  }
  for (int64_t c = 0; c < 3; ++c)
    sum_down(room.rows.data() + c * width, pitch, room.down, width, height, out.channel(c));
}

}  // namespace retort::data

#else

namespace retort::data {

bool has_avx2() { return false; }
void resize_avx2(const ImageView&, const Window&, int64_t, int64_t, Interpolation, bool,
                 ResizeRoom&, Planes&) {}

}  // namespace retort::data

#endif
