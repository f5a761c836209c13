#include "retort/core/log.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/message.h"

namespace retort {
namespace {

class Recorder : public Log {
 public:
  void info(const std::string& message) override { said.push_back("info " + message); }
  void warn(const std::string& message) override { said.push_back("warn " + message); }
  void progress(const Progress& progress) override { seen.push_back(progress); }
  std::vector<std::string> said;
  std::vector<Progress> seen;
};

TEST(Meter, ReportsTheFirstAndTheLast) {
  Recorder log;
  Meter meter(log, "decoding", 1000);
  for (int i = 0; i < 1000; ++i) meter.add(1, i == 999 ? "done" : "");
  ASSERT_GE(log.seen.size(), 2u);
  EXPECT_LT(log.seen.size(), 1000u);
  EXPECT_EQ(log.seen.front().done, 1);
  EXPECT_EQ(log.seen.back().done, 1000);
  EXPECT_EQ(log.seen.back().total, 1000);
  EXPECT_EQ(log.seen.back().task, "decoding");
  EXPECT_EQ(log.seen.back().unit, "images");
  EXPECT_EQ(log.seen.back().detail, "done");
  EXPECT_EQ(log.seen.back().eta_seconds, 0);
}

TEST(Meter, KeepsTheLastDetail) {
  Recorder log;
  Meter meter(log, "training", 2);
  meter.add(1, "loss 3");
  meter.add(1);
  EXPECT_EQ(log.seen.back().detail, "loss 3");
}

TEST(Meter, WorkDoneBeforeDoesNotCountTowardsTheRate) {
  Recorder log;
  Meter meter(log, "training", 100, 90);
  meter.add(0);
  EXPECT_EQ(log.seen.back().done, 90);
  EXPECT_EQ(log.seen.back().per_second, 0);
  meter.add(10);
  EXPECT_EQ(log.seen.back().done, 100);
  EXPECT_GT(log.seen.back().per_second, 0);
}

TEST(Meter, WhatIsFoundDoneDoesNotCountTowardsTheRate) {
  Recorder log;
  Meter meter(log, "teacher", 100);
  meter.found(80);
  EXPECT_EQ(log.seen.back().done, 80);
  EXPECT_EQ(log.seen.back().per_second, 0);
  meter.found(10);
  meter.add(10);
  EXPECT_EQ(log.seen.back().done, 100);
  EXPECT_GT(log.seen.back().per_second, 0);
}

TEST(Meter, NotedUnitsShowButDoNotCount) {
  Recorder log;
  Meter meter(log, "training", 10);
  meter.note("loss 3", 10);
  EXPECT_EQ(log.seen.back().done, 10);
  EXPECT_EQ(log.seen.back().detail, "loss 3");
  meter.note("", 12);
  EXPECT_EQ(log.seen.back().done, 12);
  EXPECT_EQ(log.seen.back().detail, "loss 3");
  meter.add(10);
  EXPECT_EQ(log.seen.back().done, 10);
}

TEST(NullLog, TakesEverything) {
  null_log().info("x");
  null_log().warn("x");
  null_log().progress({});
  EXPECT_EQ(&null_log(), &null_log());
}

TEST(StopFlag, ThrowsOnceSet) {
  EXPECT_NO_THROW(check_stop(never_stop(), "training"));
  StopFlag stop{false};
  EXPECT_NO_THROW(check_stop(stop, "training"));
  stop = true;
  EXPECT_THROW(check_stop(stop, "training"), Interrupted);
  EXPECT_TRUE(testing::says(testing::error_of([&] { check_stop(stop, "training"); }),
                            "stopped while training"));
}

TEST(Stopwatch, NeverGoesBack) {
  const Stopwatch watch;
  const double first = watch.seconds();
  EXPECT_GE(first, 0);
  EXPECT_GE(watch.seconds(), first);
}

}  // namespace
}  // namespace retort
