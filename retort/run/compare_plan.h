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
  std::string name, teacher;  // teacher: empty where there is none
  std::string shorter{};      // title of the same arm with fewer epochs, where there is one
  // One run a seed, each with its own folder. A probe is not random, and has one run.
  std::vector<RunConfig> runs;

  bool probe() const { return kind == ArmKind::linear_probe; }  // no student is trained
  std::string title() const { return teacher.empty() ? name : name + " from " + teacher; }
};

// Whether the arm starts from --student-weights.
bool is_pretrained(ArmKind kind);

// The arms that were asked for, or all that are possible. Throws UsageError on an unknown arm, and
// on one that lacks something that it needs.
std::vector<ArmPlan> plans_of(const CompareConfig& config, Log& log);

// Checks the options that all arms share: data, student and training. Those of teachers, extras and
// classes belong to some arms only, which check them when they run. Throws UsageError on options
// that cannot be meant.
Plan check_base(const CompareConfig& config);

// The teachers of an arm and the images that they see besides the data set; empty without teachers.
Looks looks_of(const ArmPlan& arm);

// The linear probe of a plan that finetunes a student: the student's weights are the teacher, at
// this image size or, without one, at the plan's.
Plan probe_plan(Plan plan, std::optional<int64_t> size);

}  // namespace retort::run
