#include <filesystem>
#include <set>

#include "retort/core/text.h"
#include "retort/run/compare.h"
#include "retort/run/compare_budget.h"
#include "retort/run/compare_files.h"
#include "retort/run/compare_plan.h"
#include "retort/run/distill.h"
#include "retort/run/pace.h"
#include "retort/run/prepare_teachers.h"
#include "retort/run/trained_teacher.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

std::string counted_runs(int64_t runs) {
  return std::to_string(runs) + (runs == 1 ? " run" : " runs");
}

// The expected cost of an arm's runs.
struct Expected {
  int64_t missing = 0;
  double student_seconds = 0;
  double teacher_seconds = 0;  // of one run; later ones find the teacher's outputs in the cache
};

// The plan with the teachers that its runs had trained first, where they are there.
Plan with_teachers(Plan plan, const ArmPlan& arm, const fs::path& out, const Context& context) {
  if (arm.probe() || !plan.teachers.trained_first()) return plan;
  const RunConfig& first = arm.runs.front();
  const auto before = trained_before(resolve(first), teacher_folder(out, first.teacher), context);
  if (before) plan.teachers = before->teachers;
  return plan;
}

// Measures the first missing run; the seconds are zero where all runs are there.
Expected expected_of(const ArmPlan& arm, const fs::path& out, const Context& context) {
  Expected expected;
  for (const RunConfig& run : arm.runs) {
    Plan plan = with_teachers(resolve(run), arm, out, context);
    if (arm.probe()) {
      plan = probe_plan(plan, std::nullopt);
    } else if (is_finished(plan)) {
      continue;
    }
    if (++expected.missing > 1) continue;
    context.log.info("measuring " + arm.title());
    const Forecast measured = forecast(plan, context.log, context.stop);
    expected.teacher_seconds = measured.teacher_seconds();
    expected.student_seconds = arm.probe() ? 0 : measured.student_seconds();
  }
  return expected;
}

std::string line_of(const ArmPlan& arm, const Expected& expected) {
  std::string text = arm.title() + ": ";
  const int64_t runs = std::ssize(arm.runs);
  if (expected.missing < runs)
    text +=
        std::to_string(runs - expected.missing) + " of " + std::to_string(runs) + " runs are there";
  if (expected.missing > 0 && expected.missing < runs) text += ", ";
  if (expected.missing > 0) text += counted_runs(expected.missing);
  if (expected.student_seconds > 0) text += " of " + duration(expected.student_seconds);
  if (expected.teacher_seconds > 0)
    text += (expected.student_seconds > 0 ? ", and once the teacher, " : " of ") +
            duration(expected.teacher_seconds);
  return text + '\n';
}

}  // namespace

std::string expected(const CompareConfig& given, Log& log, const StopFlag& stop) {
  const CompareConfig config = with_named_teachers(given);
  check_base(config);
  std::string text;
  std::set<Looks> seen;
  int64_t missing = 0;
  double seconds = 0;
  for (const ArmPlan& arm : budgeted(config, budget_file(config), log, stop).arms) {
    Expected expected = expected_of(arm, config.base.out, {log, stop});
    if (!arm.probe() && !seen.insert(looks_of(arm)).second) expected.teacher_seconds = 0;
    missing += expected.missing;
    seconds +=
        expected.teacher_seconds + expected.student_seconds * static_cast<double>(expected.missing);
    text += line_of(arm, expected);
  }
  return text + "in all: " + counted_runs(missing) + ", " + duration(seconds);
}

}  // namespace retort::run
