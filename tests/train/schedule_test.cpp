#include "retort/train/schedule.h"

#include <gtest/gtest.h>

namespace retort::train {
namespace {

TEST(Schedule, WarmsUpLinearlyThenFollowsACosine) {
  EXPECT_DOUBLE_EQ(schedule_factor(0, 4, 12), 0.25);
  EXPECT_DOUBLE_EQ(schedule_factor(3, 4, 12), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(4, 4, 12), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(8, 4, 12), 0.5);
  EXPECT_GT(schedule_factor(11, 4, 12), 0);
  EXPECT_LT(schedule_factor(11, 4, 12), 0.05);
}

TEST(Schedule, WorksWithoutWarmUpAndForOneStep) {
  EXPECT_DOUBLE_EQ(schedule_factor(0, 0, 1), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(0, 0, 10), 1.0);
}

}  // namespace
}  // namespace retort::train
