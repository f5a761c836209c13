#pragma once

#include "retort/run/compare.h"
#include "tests/run/small_job.h"

namespace retort::run {

// A comparison of one epoch of the small job, from its teacher at 32 px.
class SmallComparison : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    compare_.base = config_;
    compare_.base.teacher.clear();
    compare_.base.epochs = 1;
    compare_.base.out = (folder_ / "compare").string();
    compare_.teachers = {config_.teacher.front() + "@32"};
  }
  report::Comparison now() { return compare(compare_, null_log(), never_stop()); }

  CompareConfig compare_;
};

}  // namespace retort::run
