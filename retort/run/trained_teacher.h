#pragma once

#include <filesystem>
#include <optional>

#include "retort/models/image_model.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// The plan of the run in the folder `out` that trains a whole teacher on the task, as a student
// without a teacher; plan.teachers.init is finetune or scratch. The default rate is 1e-4 for
// finetune (its head's ten times that), and a student's for scratch.
Plan teacher_plan(const Plan& plan, const NamedTeacher& teacher, const models::ImageModel& model,
                  const std::filesystem::path& out);

// The teachers of a plan after their training on the task: their files, whose own heads are kept.
struct TrainedTeachers {
  TeachersPlan teachers;
  double seconds = 0;  // of their training, in this or an earlier run
};

// Trains each whole teacher as plan.teachers.init says, the first in the run folder `out`, the
// second in `out`-2 and so on. A teacher that is there already, made of the same data and weights,
// is used again, unless `force`.
TrainedTeachers train_teachers(const Plan& plan, const std::filesystem::path& out, bool force,
                               const Context& context);

// What train_teachers with that plan and folder would return without training; nothing where it
// would train.
std::optional<TrainedTeachers> trained_before(const Plan& plan, const std::filesystem::path& out,
                                              const Context& context);

}  // namespace retort::run
