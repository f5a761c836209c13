#pragma once

#include <vector>

#include "retort/report/comparison.h"
#include "retort/run/compare_plan.h"

namespace retort::run {

// Fills in what each distilled arm saved beside pre-training the student and finetuning it, both on
// this machine: its published schedule at its measured speed; and the image-steps of pre-training
// of each arm that begins with it. `arms` are those of the comparison, in order, which trained on
// so many images an epoch. Where the budget is paper, all image-steps are told.
void estimate_savings(const Plan& base, Budget budget, int64_t images,
                      const std::vector<ArmPlan>& arms, report::Comparison& comparison, Log& log);

}  // namespace retort::run
