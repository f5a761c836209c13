#pragma once

#include <optional>
#include <vector>

#include "retort/run/open_data.h"
#include "retort/run/summary.h"
#include "retort/teacher/joint.h"

namespace retort::run {

// The teachers of a run with their heads, and their outputs for every view of every image. For live
// views the teachers and images are still used, and must outlive this.
struct FittedTeachers {
  std::optional<teacher::JointHead> head;                // of all together; empty without teachers
  std::optional<teacher::JointOutputs> outputs;          // for the data set's training images
  std::vector<teacher::JointOutputs> outputs_of_extras;  // for each --extra, in order
  std::optional<TeacherSummary> summary;
};

// Computes all outputs that are not stored, fits or keeps the heads, and measures the teachers'
// accuracy, but not their cost.
FittedTeachers fit_teachers(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                            const Context& context);

// The number of images that a teacher has still to see: views that are not stored, and live ones of
// a whole training. `all` also counts stored ones.
struct PendingViews {
  int64_t missing = 0, live = 0, all = 0;
};
PendingViews pending_views(const Plan& plan, const OpenData& data, const PreparedTeachers& teachers,
                           size_t teacher);

}  // namespace retort::run
