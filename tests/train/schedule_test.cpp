#include "retort/train/schedule.h"

#include <gtest/gtest.h>

#include <array>

namespace retort::train {
namespace {

constexpr std::array kAll{Schedule::linear, Schedule::cosine, Schedule::constant};

TEST(Schedule, WarmsUpLinearly) {
  for (const Schedule schedule : kAll) {
    EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0, 4, 12), 0.25);
    EXPECT_DOUBLE_EQ(schedule_factor(schedule, 3, 4, 12), 1.0);
    EXPECT_DOUBLE_EQ(schedule_factor(schedule, 4, 4, 12), 1.0);
  }
}

TEST(Schedule, ThenFollowsItsCurve) {
  EXPECT_DOUBLE_EQ(schedule_factor(Schedule::linear, 6, 4, 12), 0.75);
  EXPECT_DOUBLE_EQ(schedule_factor(Schedule::linear, 11, 4, 12), 0.125);
  EXPECT_DOUBLE_EQ(schedule_factor(Schedule::cosine, 8, 4, 12), 0.5);
  EXPECT_GT(schedule_factor(Schedule::cosine, 11, 4, 12), 0);
  EXPECT_LT(schedule_factor(Schedule::cosine, 11, 4, 12), 0.05);
  EXPECT_DOUBLE_EQ(schedule_factor(Schedule::constant, 11, 4, 12), 1.0);
}

TEST(Schedule, WorksWithoutWarmUpAndForOneStep) {
  for (const Schedule schedule : kAll) {
    EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0, 0, 1), 1.0);
    EXPECT_DOUBLE_EQ(schedule_factor(schedule, 0, 0, 10), 1.0);
  }
}

}  // namespace
}  // namespace retort::train
