#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

namespace retort {

// splitmix64's finaliser (Steele, Lea & Flood 2014): a bijection of 64 bits with full avalanche.
constexpr uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// A counter-based generator: each number is a pure function of the key words and of how many came
// before it. So any view of any image can be drawn again by itself, on any thread, in any order.
class CounterRng {
 public:
  CounterRng(std::initializer_list<uint64_t> key) {
    for (const uint64_t word : key) key_ = mix64(key_ + kGolden + word) ^ (word * kGolden);
  }
  uint64_t next() { return mix64(key_ + kGolden * ++counter_); }
  // In [0, 1), 53 random bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // In [0, n), n > 0. The bias of the multiply-shift is below n / 2^64.
  int64_t below(int64_t n) {
    return static_cast<int64_t>(
        (static_cast<unsigned __int128>(next()) * static_cast<uint64_t>(n)) >> 64);
  }

 private:
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  uint64_t key_ = 0;
  uint64_t counter_ = 0;
};

// 0 … n-1 in an order drawn from the generator (Fisher-Yates).
inline std::vector<int64_t> permutation(int64_t n, CounterRng rng) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(rng.below(i + 1))]);
  return order;
}

}  // namespace retort
