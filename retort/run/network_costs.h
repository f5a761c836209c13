#pragma once

#include "retort/run/prepare_teachers.h"
#include "retort/run/summary.h"

namespace retort::run {

// Measures the cost of a network on images of this size.
void measure_cost(models::ImageModel& model, int64_t size, NetworkSummary& summary);

// Measures the costs of the teachers for fit_teachers' summary. It is separate so that training
// need not wait for it.
void measure_costs(PreparedTeachers& teachers, TeacherSummary& summary);

}  // namespace retort::run
