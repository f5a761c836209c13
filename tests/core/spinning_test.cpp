#include "retort/core/spinning.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/folder.h"

namespace retort {
namespace {

using testing::TestFolder;

TEST(Spinning, TheWaitingOfAllThreadsIsSummed) {
  const TestFolder root;
  root.write("proc/self/task/12/schedstat", "5000000000 1500000000 7\n");
  root.write("proc/self/task/13/schedstat", "1 500000000 2\n");
  EXPECT_DOUBLE_EQ(seconds_without_processor(root.path()).value_or(-1), 2);
}

TEST(Spinning, FilesThatDoNotSayItGiveNothing) {
  const TestFolder root;
  EXPECT_FALSE(seconds_without_processor(root.path()));
  root.write("proc/self/task/12/schedstat", "nothing of the kind");
  EXPECT_FALSE(seconds_without_processor(root.path()));
}

TEST(Spinning, ABusyMachineDoesNotFlicker) {
  EXPECT_FALSE(is_busy(0.02, false));
  EXPECT_TRUE(is_busy(0.4, false));
  EXPECT_FALSE(is_busy(0.1, false));
  EXPECT_TRUE(is_busy(0.1, true));
  EXPECT_FALSE(is_busy(0.02, true));
}

// Threads of other regions and their number are untouched, whenever the watch begins and ends.
TEST(Spinning, RegionsRunAsBefore) {
  for (int round = 0; round < 3; ++round) {
    const AdaptiveSpinning spinning;
    std::this_thread::sleep_for(std::chrono::milliseconds(50 * round));
    int threads = 0;
#pragma omp parallel num_threads(2) reduction(+ : threads)
    ++threads;
    EXPECT_EQ(threads, 2);
  }
}

}  // namespace
}  // namespace retort
