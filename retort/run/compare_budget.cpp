#include "retort/run/compare_budget.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/run/distill.h"
#include "retort/run/hours.h"
#include "retort/run/named_teacher.h"
#include "retort/run/recommended_teachers.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

constexpr double kEachRun = 5;  // seconds of a run besides teachers and training

// Everything that the epochs depend on. A choice in the file is reused where this is the same.
nlohmann::json asked(const CompareConfig& config) {
  nlohmann::json arms = nlohmann::json::array();
  for (const ArmPlan& plan : plans_of(config, null_log())) arms.push_back(plan.title());
  return {{"budget", word_of(config.budget)},
          {"hours", config.base.hours},
          {"epochs", config.base.epochs},
          {"seeds", config.seeds},
          {"arms", arms}};
}

std::optional<nlohmann::json> kept(const fs::path& file, const nlohmann::json& asked) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  nlohmann::json json = read_json(file);
  return json.is_object() && json.value("asked", nlohmann::json()) == asked ? std::optional(json)
                                                                            : std::nullopt;
}

// The seconds of all runs at these epochs: those that grow with the epochs, and the rest.
struct Total {
  double growing = 0, fixed = 0;
};

Total total_of(const std::vector<ArmPlan>& plans, Log& log, const StopFlag& stop) {
  Total total;
  std::set<Looks> seen;
  for (const ArmPlan& plan : plans) {
    const auto runs = static_cast<double>(plan.runs.size());
    total.fixed += runs * kEachRun;
    if (plan.probe()) continue;
    log.info("measuring " + plan.title());
    const Forecast measured = forecast(plan.runs.front(), log, stop);
    const double growing = measured.epoch_seconds() * static_cast<double>(measured.epochs);
    total.growing += runs * growing;
    total.fixed += runs * (measured.student_seconds() - growing);
    if (seen.insert(looks_of(plan)).second) total.fixed += measured.teacher_seconds();
  }
  return total;
}

// The epochs that fit into the hours, by a first estimate. Where that is far off it is measured
// again, because fewer epochs need fewer views of the teacher.
int64_t epochs_in_hours(CompareConfig config, Log& log, const StopFlag& stop) {
  const double budget = kHoursAim * 3600 * std::exchange(config.base.hours, 0);
  config.base.epochs = epochs_of(config.base);
  const Stopwatch gone;
  for (int round = 0; round < 2; ++round) {
    const Total total = total_of(plans_of(config, null_log()), log, stop);
    const double one = total.growing / static_cast<double>(config.base.epochs),
                 epochs = (budget - gone.seconds() - total.fixed) / one;
    if (epochs < 1)
      throw UsageError("is too little: one epoch of every run takes " + duration(total.fixed + one),
                       "--hours", "more hours, fewer --seeds, or fewer arms");
    const int64_t before = std::exchange(
        config.base.epochs, static_cast<int64_t>(std::min(std::floor(epochs), 100000.0)));
    if (config.base.epochs >= before / 2 && config.base.epochs <= before * 2) break;
  }
  return config.base.epochs;
}

// The seconds of one run with an empty cache: for each epoch, and for all the rest.
struct Cost {
  double epoch = 0, rest = 0;
};

Cost cost_of(const ArmPlan& plan, Log& log, const StopFlag& stop) {
  log.info("measuring " + plan.title());
  const Forecast measured = forecast(resolve(plan.runs.front()), log, stop, /*cold=*/true);
  const double epochs = static_cast<double>(measured.epochs);
  return {measured.epoch_seconds(), measured.seconds() - measured.epoch_seconds() * epochs};
}

bool distills(const ArmPlan& plan) { return !plan.probe() && has_teacher(plan.runs.front()); }

// The epochs of each arm by its title.
nlohmann::json epochs_in_time(const std::vector<ArmPlan>& plans, double& seconds, Log& log,
                              const StopFlag& stop) {
  std::vector<Cost> costs;
  seconds = 0;
  for (const ArmPlan& plan : plans) {
    const Cost cost = costs.emplace_back(plan.probe() ? Cost{} : cost_of(plan, log, stop));
    if (distills(plan))
      seconds =
          std::max(seconds, cost.rest + cost.epoch * static_cast<double>(plan.runs.front().epochs));
  }
  if (seconds == 0)
    throw UsageError("is that of the distilled arm, and there is none", "--budget time",
                     "name a --teacher, or --budget steps");
  nlohmann::json epochs = nlohmann::json::object();
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].probe()) continue;
    const double fit = (seconds - costs[i].rest) / costs[i].epoch;
    epochs[plans[i].title()] = std::clamp<int64_t>(std::llround(std::min(fit, 1e9)), 1, 100000);
  }
  return epochs;
}

void set_epochs(std::vector<ArmPlan>& plans, const nlohmann::json& epochs) {
  for (ArmPlan& plan : plans)
    for (RunConfig& run : plan.runs)
      if (epochs.contains(plan.title())) run.epochs = epochs.at(plan.title());
}

}  // namespace

CompareConfig with_named_teachers(CompareConfig config) {
  for (std::string& teacher : config.teachers)
    if (teacher_from(teacher).word == TeacherWord::automatic) teacher = automatic_teacher();
  return config;
}

fs::path budget_file(const CompareConfig& config) {
  return fs::path(config.base.out) / "budget.json";
}

BudgetedArms budgeted(const CompareConfig& given, const fs::path& file, Log& log,
                      const StopFlag& stop) {
  CompareConfig config = given;
  if (config.base.hours > 0 && config.budget == Budget::time)
    throw UsageError("is how long the distilled arm takes by its --epochs", "--budget time",
                     "leave out --hours");
  check_hours(config.base);
  const bool measures = config.base.hours > 0 || config.budget == Budget::time;
  nlohmann::json chosen;
  if (measures) {
    const nlohmann::json question = asked(config);
    if (const std::optional<nlohmann::json> before = kept(file, question))
      chosen = *before;
    else
      chosen = {{"asked", question}};
  }
  if (config.base.hours > 0) {
    if (!chosen.contains("epochs")) chosen["epochs"] = epochs_in_hours(config, log, stop);
    config.base.epochs = chosen.at("epochs");
    log.info("--hours " + significant(config.base.hours, 4) + ": " +
             std::to_string(config.base.epochs) + " epochs");
    config.base.hours = 0;
  }
  config.base.epochs = epochs_of(config.base);
  BudgetedArms arms{.arms = plans_of(config, log), .epochs = config.base.epochs, .measured = {}};
  if (config.budget == Budget::time) {
    if (!chosen.contains("arms")) {
      double seconds = 0;
      chosen["arms"] = epochs_in_time(arms.arms, seconds, log, stop);
      chosen["seconds"] = seconds;
    }
    set_epochs(arms.arms, chosen.at("arms"));
    arms.arm_seconds = chosen.at("seconds");
  }
  arms.measured = std::move(chosen);
  return arms;
}

std::string budget_text(const CompareConfig& config, const BudgetedArms& arms, int64_t images,
                        int64_t batch_size) {
  const std::string epochs = std::to_string(arms.epochs) + " epochs of " + std::to_string(images) +
                             " images in batches of " + std::to_string(batch_size);
  const char* fewer = config.base.extra.empty() ? "." : ", in fewer epochs where images are added.";
  switch (config.budget) {
    case Budget::time:
      return "Equal time: " + duration(arms.arm_seconds) +
             " for every run that trains, as long as the slowest distilled arm takes for " +
             std::to_string(arms.epochs) +
             " epochs, its teacher's passes and training counted, by "
             "the speed that was measured first.";
    case Budget::paper:
      return "Each arm to its own best schedule: " + epochs +
             " or three times as many, whichever "
             "is better on validation" +
             fewer;
    case Budget::steps:
      break;
  }
  return "Equal student image-steps: " + epochs + " for every arm that trains" + fewer;
}

std::vector<report::Arm> best_of_lengths(const std::vector<ArmPlan>& plans,
                                         std::vector<report::Arm> arms) {
  const auto validated = [](const report::Arm& arm) {
    return report::spread_of(arm.validation).mean;
  };
  std::vector<report::Arm> best;
  for (size_t i = 0; i < arms.size(); ++i) {
    const bool same = i > 0 && plans[i].shorter == plans[i - 1].title();
    if (same && !(validated(arms[i]) > validated(best.back()))) continue;
    if (same) best.pop_back();
    best.push_back(std::move(arms[i]));
  }
  return best;
}

}  // namespace retort::run
