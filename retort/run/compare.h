#pragma once

#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/report/comparison.h"
#include "retort/run/config.h"

namespace retort::run {

// A comparison of ways to train one student on one data set.
//
// `budget` decides what the arms have in common (compare_budget.h). steps: every arm that trains
// gets the same student image-steps (images × epochs, with the same batches), so that only what the
// student learns from differs. time: as much time as the distilled arm. paper: each arm has its own
// best schedule. A linear probe trains no student.
struct CompareConfig {
  RunConfig base;  // settings of all arms; `out` is the comparison's folder, `seed` the first seed
  // scratch: random weights, labels alone. finetune: base.student_weights, labels alone.
  // linear_probe: a linear head on those weights. distill: random weights, each of the teachers
  // with each of the losses. finetune_distill: base.student_weights, the same.
  std::vector<ArmKind> arms;          // empty: all that are possible, except finetune_distill
  std::vector<std::string> teachers;  // each as named_teacher.h reads it; A+B is two together
  std::vector<std::string> losses = {
      "align_uniform"};  // each an embedding loss (with base.logit_loss), a logit loss alone, or
                         // `A+B` for both
  Budget budget = Budget::steps;
  int64_t seeds = 3;
  double finetune_lr = 3e-4;  // of finetune and finetune-distill, which start from good weights
};

// Carries out the runs that are missing, each in its own folder under base.out: a finished run is
// only read, an unfinished one is resumed. All share the cache, so that a teacher's outputs are
// computed once. Writes compare.json, compare.md and compare.html to base.out. Throws as `distill`
// does, and UsageError on an arm that lacks something that it needs.
report::Comparison compare(const CompareConfig& config, Log& log, const StopFlag& stop);

// A forecast of compare(), measured on this machine in seconds an arm: a line for each arm, and the
// sum. Unfinished runs count as a whole.
std::string expected(const CompareConfig& config, Log& log, const StopFlag& stop);

}  // namespace retort::run
