#pragma once

#include <optional>
#include <vector>

#include "retort/run/open_data.h"
#include "retort/run/summary.h"
#include "retort/teacher/joint.h"

namespace retort::run {

// The teachers of a run with their heads, and what they say of every view of every image. Live
// views keep on asking the teachers and reading the images: both outlive this.
struct FittedTeachers {
  std::optional<teacher::JointHead> head;  // of all together; nothing where there is no teacher
  std::optional<teacher::JointOutputs> outputs;          // of the data set's training images
  std::vector<teacher::JointOutputs> outputs_of_extras;  // of each --extra, in order
  std::optional<TeacherSummary> summary;
};

// Shows them every view that is not stored yet, fits or keeps their heads, and measures how good
// they are, not what they cost.
FittedTeachers fit_teachers(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                            const Context& context);

// Images that a teacher is still to look at: views that are not stored, and live ones of a whole
// training. `all`: with those that are stored.
struct PendingViews {
  int64_t missing = 0, live = 0, all = 0;
};
PendingViews pending_views(const Plan& plan, const OpenData& data, const PreparedTeachers& teachers,
                           size_t teacher);

}  // namespace retort::run
