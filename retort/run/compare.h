#pragma once

#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/report/comparison.h"
#include "retort/run/config.h"

namespace retort::run {

// Ways to train one student on one data set, side by side.
//
// `budget` says what the arms have in common (compare_budget.h). steps: every arm that trains gets
// the same student image-steps (images × epochs, with the same batches), so that what differs is
// what the student learns from. time: as long as the distilled arm. paper: each arm its own best
// schedule. A linear probe trains no student at all.
struct CompareConfig {
  RunConfig
      base;  // what the arms share; `out` is the folder of the comparison, `seed` the first seed
  // scratch: random weights, labels alone. finetune: base.student_weights, labels alone.
  // linear_probe: a linear head on those weights. distill: random weights, each of the teachers
  // with each of the losses. finetune_distill: base.student_weights, the same.
  std::vector<ArmKind> arms;          // empty: all that can be, but for finetune_distill
  std::vector<std::string> teachers;  // each as named_teacher.h reads it; A+B is two at once
  std::vector<std::string> losses = {
      "align_uniform"};  // each an embedding loss (with base.logit_loss), a logit loss alone, or
                         // `A+B` for both
  Budget budget = Budget::steps;
  int64_t seeds = 3;
  double finetune_lr = 3e-4;  // of finetune and finetune-distill, which start from good weights
};

// Runs what is missing, each run in a folder of its own under base.out, where a finished one is
// only read and an unfinished one goes on; all share the cache, so that a teacher is paid for once.
// Writes compare.json, compare.md and compare.html there. Throws as `distill` does, and UsageError
// on an arm that lacks what it needs.
report::Comparison compare(const CompareConfig& config, Log& log, const StopFlag& stop);

// What that would take, measured on this machine in seconds an arm: a line for each arm, and the
// sum. Of an unfinished run, the whole.
std::string expected(const CompareConfig& config, Log& log, const StopFlag& stop);

}  // namespace retort::run
