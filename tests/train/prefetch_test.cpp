#include "retort/train/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace retort::train {
namespace {

Batches::Batch numbered(int64_t number) { return {at::full({1}, number), {}, {}, 0}; }

int64_t number_of(const Batches::Batch& batch) { return batch.images.item<int64_t>(); }

TEST(Prefetch, GivesEveryBatchInOrder) {
  Prefetch ahead(3, 40, numbered);
  for (int64_t number = 3; number < 40; ++number) EXPECT_EQ(number_of(ahead.next()), number);
}

TEST(Prefetch, RunsAheadByNoMoreThanItMay) {
  std::atomic<int64_t> made = 0;
  Prefetch ahead(0, 100, [&](int64_t number) {
    ++made;
    return numbered(number);
  });
  for (int64_t taken = 1; taken <= 50; ++taken) {
    ahead.next();
    EXPECT_LE(made.load(), taken + static_cast<int64_t>(Prefetch::kAhead));
  }
}

TEST(Prefetch, ThrowsInItsTurnWhatMakingOneThrew) {
  Prefetch ahead(0, 5, [](int64_t number) {
    if (number == 2) throw std::runtime_error("broken image");
    return numbered(number);
  });
  EXPECT_EQ(number_of(ahead.next()), 0);
  EXPECT_EQ(number_of(ahead.next()), 1);
  EXPECT_THROW(ahead.next(), std::runtime_error);
}

TEST(Prefetch, CanBeLeftBeforeTheEnd) {
  Prefetch ahead(0, 1000, numbered);
  EXPECT_EQ(number_of(ahead.next()), 0);
}

}  // namespace
}  // namespace retort::train
