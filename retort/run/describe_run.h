#pragma once

#include "retort/run/open_data.h"
#include "retort/run/summary.h"
#include "retort/run/train_student.h"

namespace retort::run {

// Fills in what a summary says of the whole run: its data, length and machine.
void describe_run(const Plan& plan, const OpenData& data, const TrainedStudent& student,
                  RunSummary& summary);

}  // namespace retort::run
