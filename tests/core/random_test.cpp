#include "retort/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

namespace retort {
namespace {

TEST(Mix64, IsSplitmix64) {
  constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
  constexpr std::array<uint64_t, 5> kPublished{6457827717110365317ULL, 3203168211198807973ULL,
                                               9817491932198370423ULL, 4593380528125082431ULL,
                                               16408922859458223821ULL};
  for (size_t i = 0; i < kPublished.size(); ++i)
    EXPECT_EQ(mix64(1234567 + kGolden * (i + 1)), kPublished[i]);
}

TEST(CounterRng, IsAFunctionOfItsKey) {
  CounterRng a{1, 2, 3}, b{1, 2, 3};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(), b.next());
  std::set<uint64_t> first;
  for (uint64_t x = 0; x < 50; ++x) {
    for (uint64_t y = 0; y < 50; ++y) first.insert(CounterRng{x, y}.next());
  }
  EXPECT_EQ(first.size(), 2500u);
  EXPECT_NE(CounterRng({1}).next(), CounterRng({1, 0}).next());
}

TEST(CounterRng, UniformIsUniform) {
  CounterRng rng{7};
  double sum = 0, squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.01);
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 0.01);
}

TEST(CounterRng, RangesAreKept) {
  CounterRng rng{8};
  std::array<int, 5> seen{};
  for (int i = 0; i < 5000; ++i) {
    const double u = rng.uniform(-2, 3);
    ASSERT_GE(u, -2.0);
    ASSERT_LT(u, 3.0);
    const int64_t n = rng.below(5);
    ASSERT_GE(n, 0);
    ASSERT_LT(n, 5);
    ++seen[static_cast<size_t>(n)];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(rng.below(1), 0);
}

TEST(Permutation, HoldsEachIndexOnce) {
  std::vector<int64_t> order = permutation(100, CounterRng{1});
  EXPECT_EQ(order, permutation(100, CounterRng{1}));
  EXPECT_NE(order, permutation(100, CounterRng{2}));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_TRUE(permutation(0, CounterRng{1}).empty());
  EXPECT_EQ(permutation(1, CounterRng{1}), std::vector<int64_t>{0});
}

TEST(Permutation, EveryOrderIsAsLikely) {
  std::array<int, 9> first_and_last{};
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    const auto order = permutation(3, CounterRng{seed});
    ++first_and_last[static_cast<size_t>(order[0] * 3 + order[2])];
  }
  for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(first_and_last[i], i % 4 == 0 ? 0 : 1000, 130);
}

}  // namespace
}  // namespace retort
