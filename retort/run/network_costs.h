#pragma once

#include "retort/run/prepare_teachers.h"
#include "retort/run/summary.h"

namespace retort::run {

// Cost of a network on images of this size.
void measure_cost(models::ImageModel& model, int64_t size, NetworkSummary& summary);

// What the teachers of fit_teachers' summary cost. No training waits for that.
void measure_costs(PreparedTeachers& teachers, TeacherSummary& summary);

}  // namespace retort::run
