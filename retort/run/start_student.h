#pragma once

#include "retort/models/image_model.h"
#include "retort/run/plan.h"
#include "retort/run/summary.h"

namespace retort::run {

// Makes the student with random weights, or from a pre-trained file with a new classifier; for
// images of this size, or of its own. Draws from torch's generator.
models::ModelPtr start_student(const StudentPlan& plan, int64_t classes,
                               std::optional<int64_t> image_size, Log& log = null_log());

// The kind of start, in the summary's words.
std::string start_of(const StudentPlan& plan);

}  // namespace retort::run
