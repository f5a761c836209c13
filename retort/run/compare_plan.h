#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retort/run/compare.h"
#include "retort/run/pace.h"
#include "retort/run/plan.h"

namespace retort::run {

// An arm of a comparison.
struct ArmPlan {
  ArmKind kind = ArmKind::scratch;
  std::string name, teacher;  // no teacher: empty
  std::string shorter{};      // the title of the same arm of fewer epochs, where there is one
  // One a seed, each with a folder of its own; of a probe, which draws nothing, one.
  std::vector<RunConfig> runs;

  bool probe() const { return kind == ArmKind::linear_probe; }  // no student is trained
  std::string title() const { return teacher.empty() ? name : name + " from " + teacher; }
};

// Whether it starts from --student-weights.
bool is_pretrained(ArmKind kind);

// The arms that are asked for, or all that can be. Throws UsageError on one that there is not, or
// that lacks what it needs.
std::vector<ArmPlan> plans_of(const CompareConfig& config, Log& log);

// What all arms share: their data, student and training. Teachers, extras and classes are of some
// arms alone, which are checked as they run. Throws UsageError on what cannot be meant.
Plan check_base(const CompareConfig& config);

// What the teachers of an arm look at; empty where it has none.
Looks looks_of(const ArmPlan& arm);

// The linear probe of a plan that finetunes a student: its weights are the teacher, which sees
// images of this size; nothing: of the plan's.
Plan probe_plan(Plan plan, std::optional<int64_t> size);

}  // namespace retort::run
