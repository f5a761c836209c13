#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/run/compare_plan.h"

namespace retort::run {

// The arms of a comparison, each with the epochs that the budget gives it.
struct BudgetedArms {
  std::vector<ArmPlan> arms;
  int64_t epochs = 0;       // of an arm without extras, unless the budget is time
  double arm_seconds = 0;   // of each run, if the budget is time
  nlohmann::json measured;  // the measurements behind it, to be stored; null without any
};

// Replaces the teacher `auto` by the one that it stands for (recommended_teachers.h).
CompareConfig with_named_teachers(CompareConfig config);

// The file in which a comparison stores the measurements for its budget.
std::filesystem::path budget_file(const CompareConfig& config);

// Gives each arm its epochs. Measurements of the same budget are reused from `file`, so that the
// same command again means the same runs.
//
// time: each arm gets as long as the slowest distilled arm takes for the given epochs, with its
// teacher's forward passes (as if none was cached) and training. --hours: as many epochs as the
// runs of all arms have time for, at the speed measured for each arm.
BudgetedArms budgeted(const CompareConfig& config, const std::filesystem::path& file, Log& log,
                      const StopFlag& stop);

// Describes the budget's rule in words.
std::string budget_text(const CompareConfig& config, const BudgetedArms& arms, int64_t images,
                        int64_t batch_size);

// If the budget is paper: of arms that differ only in length, the one that is best on validation,
// or the shorter one of equals.
std::vector<report::Arm> best_of_lengths(const std::vector<ArmPlan>& plans,
                                         std::vector<report::Arm> arms);

}  // namespace retort::run
