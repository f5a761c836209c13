#pragma once

#include "retort/run/open_data.h"
#include "retort/run/summary.h"
#include "retort/run/train_student.h"

namespace retort::run {

// Fills in all that a summary says of the run as a whole: its data, its length, its machine.
void describe_run(const Plan& plan, const OpenData& data, const TrainedStudent& student,
                  RunSummary& summary);

}  // namespace retort::run
