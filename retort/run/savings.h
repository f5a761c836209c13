#pragma once

#include <vector>

#include "retort/report/comparison.h"
#include "retort/run/compare_plan.h"

namespace retort::run {

// Fills in what each distilled arm saved compared with pre-training and finetuning the student on
// this machine (its published schedule at its measured speed), and the image-steps of pre-training
// of each arm that starts from pre-trained weights. `arms` are those of the comparison, in order,
// which trained on this many images an epoch. If the budget is paper, the text gives all
// image-steps.
void estimate_savings(const Plan& base, Budget budget, int64_t images,
                      const std::vector<ArmPlan>& arms, report::Comparison& comparison, Log& log);

}  // namespace retort::run
