#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/run/compare_plan.h"

namespace retort::run {

// The arms of a comparison with the epochs of each, as its budget says (Budget).
struct BudgetedArms {
  std::vector<ArmPlan> arms;
  int64_t epochs = 0;       // the base: of an arm without extras, unless the budget is time
  double arm_seconds = 0;   // of each run, where the budget is time
  nlohmann::json measured;  // what was measured for it, to be kept; null where nothing was
};

// The comparison with `auto` for what it stands for (recommended_teachers.h).
CompareConfig with_named_teachers(CompareConfig config);

// Where a comparison keeps what it measured for its budget.
std::filesystem::path budget_file(const CompareConfig& config);

// What was measured before is taken from `file`, where that was for the same budget, so that the
// same command again means the same runs.
//
// time: each arm gets as long as the distilled arm that takes longest at the given epochs, with its
// teacher's passes, as if none was in the cache, and training. --hours: as many epochs as the runs
// of all arms have room for, each at the speed that is measured for it.
BudgetedArms budgeted(const CompareConfig& config, const std::filesystem::path& file, Log& log,
                      const StopFlag& stop);

// The rule in words.
std::string budget_text(const CompareConfig& config, const BudgetedArms& arms, int64_t images,
                        int64_t batch_size);

// Where the budget is paper: of the arms that differ in length alone, the one that is best on
// validation, the shorter where they are alike.
std::vector<report::Arm> best_of_lengths(const std::vector<ArmPlan>& plans,
                                         std::vector<report::Arm> arms);

}  // namespace retort::run
