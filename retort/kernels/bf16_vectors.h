#pragma once

#include <cstdint>
#include <cstring>

#include <c10/util/BFloat16.h>

namespace retort::kernels {

// Loads and stores 32 bfloat16 numbers as two float vectors of 512 bits, one of the numbers at even
// indices and one of those at odd ones: a word of 32 bits holds one of each, and a bfloat16 number
// is the upper half of a float. For functions that are RETORT_AVX512.
struct Bf16Pairs {
  static constexpr int kLanes = 16, kChannels = 2 * kLanes;
  using Floats [[gnu::vector_size(64)]] = float;
  using Words [[gnu::vector_size(64)]] = uint32_t;

  // Loads the numbers at even indices (First = 0) or at odd ones (First = 1).
  template <int First>
  [[gnu::always_inline]] static void load(const c10::BFloat16* from, Floats& to) {
    Words words;
    std::memcpy(&words, from, sizeof words);
    words = First == 0 ? words << 16 : words & 0xffff0000;
    std::memcpy(&to, &words, sizeof to);
  }
  [[gnu::always_inline]] static void load(const c10::BFloat16* from, Floats& even, Floats& odd) {
    load<0>(from, even);
    load<1>(from, odd);
  }
  // Rounds to the nearest, ties to even.
  [[gnu::always_inline]] static void store(const Floats& even, const Floats& odd,
                                           c10::BFloat16* to) {
    Words low, high;
    std::memcpy(&low, &even, sizeof low);
    std::memcpy(&high, &odd, sizeof high);
    low += 0x7fff + (low >> 16 & 1);
    high += 0x7fff + (high >> 16 & 1);
    low = low >> 16 | (high & 0xffff0000);
    std::memcpy(to, &low, sizeof low);
  }
};

}  // namespace retort::kernels
