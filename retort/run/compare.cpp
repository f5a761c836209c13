#include "retort/run/compare.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/folder_lock.h"
#include "retort/core/text.h"
#include "retort/run/compare_budget.h"
#include "retort/run/compare_files.h"
#include "retort/run/compare_plan.h"
#include "retort/run/distill.h"
#include "retort/run/named_teacher.h"
#include "retort/run/pace.h"
#include "retort/run/run_folder.h"
#include "retort/run/savings.h"
#include "retort/run/teacher_measures.h"
#include "retort/run/trained_teacher.h"
#include "retort/run/zero_shot_classes.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

class Comparer {
 public:
  Comparer(const CompareConfig& config, Log& log, const StopFlag& stop)
      : config_(with_named_teachers(config)),
        base_(check_base(config)),
        log_(log),
        stop_(stop),
        budget_(budgeted(config_, budget_file(config), log, stop)),
        plans_(budget_.arms) {}

  report::Comparison run() {
    if (!budget_.measured.is_null())
      write_file_atomic(budget_file(config_), budget_.measured.dump(2) + "\n");
    for (const ArmPlan& plan : plans_) {
      runs_ += std::ssize(plan.runs);
      for (size_t i = 0; i < plan.runs.size(); ++i) pace_.expect(looks_of(plan));
    }
    base_.training.options.epochs = budget_.epochs;
    measure_before();
    result_.title =
        "retort compare: " + base_.student.title() + " on " + last_part(config_.base.data);
    for (const ArmPlan& plan : plans_) result_.arms.push_back(run_arm(plan));
    result_.student = base_.student.title() + ", " + std::to_string(size_) + " px, " +
                      count(parameters_) + " parameters";
    result_.budget =
        budget_text(config_, budget_, images_, batch_size_for(base_.training, images_));
    estimate_savings(base_, config_.budget, images_, plans_, result_, log_);
    if (config_.budget == Budget::paper)
      result_.arms = best_of_lengths(plans_, std::move(result_.arms));
    write_comparison(result_, config_.base.student, config_.base.out);
    return result_;
  }

 private:
  report::Arm run_arm(const ArmPlan& plan) {
    report::Arm arm;
    arm.name = plan.name;
    arm.teacher = plan.teacher;
    arm.saved = std::numeric_limits<double>::quiet_NaN();
    for (const RunConfig& config : plan.runs) {
      check_stop(stop_, "comparing");
      announce(plan, config.seed);
      const Stopwatch watch;
      double teaching = 0;
      if (plan.probe()) {
        probe(config, arm);
      } else {
        teaching = train(plan, resolve(config), arm);
      }
      ++done_;
      pace_.add(looks_of(plan), watch.seconds(), teaching);
    }
    if (!arm.accuracy.empty()) arm.training_seconds /= static_cast<double>(arm.accuracy.size());
    return arm;
  }

  // Measures the teachers, where there are several and the images have labels.
  void measure_before() {
    std::vector<RunConfig> each;
    for (const ArmPlan& plan : plans_) {
      const RunConfig& run = plan.runs.front();
      const auto same = [&](const RunConfig& known) { return known.teacher == run.teacher; };
      if (!plan.probe() && has_teacher(run) && std::ranges::none_of(each, same))
        each.push_back(run);
    }
    if (each.size() < 2 || !config_.base.classes.empty()) return;
    result_.measures = "Before the runs:\n" + text_of(measure_teachers(each, {log_, stop_})) + ".";
    log_.info(result_.measures);
  }

  void announce(const ArmPlan& plan, int64_t seed) {
    std::string text = "run " + std::to_string(done_ + 1) + " of " + std::to_string(runs_) + ": " +
                       plan.title() + ", seed " + std::to_string(seed);
    if (const auto seconds = pace_.seconds_left())
      text += "; about " + duration(*seconds) + " to go";
    log_.info(text);
  }

  // Teachers that are trained first are trained with the first seed, and serve all runs; each arm's
  // cost includes their training. Returns the seconds that the run's teachers took.
  double train(const ArmPlan& arm_plan, Plan plan, report::Arm& arm) {
    double training_teachers = 0;
    if (plan.teachers.trained_first()) {
      const RunConfig& first = arm_plan.runs.front();
      const TrainedTeachers trained =
          train_teachers(resolve(first), teacher_folder(config_.base.out, first.teacher),
                         /*force=*/false, {log_, stop_});
      plan.teachers = trained.teachers;
      training_teachers = trained.seconds;
    }
    const RunSummary summary = distill_once(plan, log_, stop_);
    add(summary, training_teachers, arm);
    return training_teachers + summary.seconds.teacher;
  }

  void probe(const RunConfig& config, report::Arm& arm) {
    const std::optional<int64_t> size = size_ > 0 ? std::optional(size_) : std::nullopt;
    const LinearProbe probe = linear_probe(probe_plan(resolve(config), size), log_, stop_);
    add_accuracy(probe.teacher, arm);
    arm.teacher_seconds = probe.seconds;
  }

  // The accuracy on test images or, where there are none, on validation images.
  double accuracy_of(const NetworkSummary& network) {
    if (network.test_accuracy) return *network.test_accuracy;
    result_.split = validation_name(!config_.base.classes.empty());
    return network.val_accuracy.value_or(0);
  }

  void add_accuracy(const NetworkSummary& network, report::Arm& arm) {
    arm.accuracy.push_back(accuracy_of(network));
    arm.class_accuracy.push_back(network.test_mean_class_accuracy.value_or(arm.accuracy.back()));
  }

  void add(const RunSummary& summary, double training_teachers, report::Arm& arm) {
    add_accuracy(summary.student, arm);
    arm.training_seconds += summary.seconds.training;
    // The first run computes the outputs that later ones find, so that the longest time is the
    // cost.
    arm.teacher_seconds =
        std::max(arm.teacher_seconds, training_teachers + summary.seconds.teacher);
    size_ = summary.student.image_size;
    parameters_ = summary.student.parameters;
    images_ = summary.data.train;
    arm.image_steps = summary.image_steps;
    arm.validation.push_back(summary.student.val_accuracy.value_or(0));
    if (!summary.teacher) return;
    const std::string line = arm.teacher + " (" + summary.teacher->arch + ", " +
                             std::to_string(summary.teacher->image_size) +
                             " px): " + percent(accuracy_of(*summary.teacher)) + " on " +
                             result_.split;
    if (std::ranges::find(result_.teachers, line) == result_.teachers.end())
      result_.teachers.push_back(line);
  }

  CompareConfig config_;
  Plan base_;
  Log& log_;
  const StopFlag& stop_;
  BudgetedArms budget_;
  std::vector<ArmPlan> plans_;
  report::Comparison result_;
  int64_t size_ = 0, parameters_ = 0, images_ = 0;
  Pace pace_;
  int64_t runs_ = 0, done_ = 0;
};

}  // namespace

report::Comparison compare(const CompareConfig& config, Log& log, const StopFlag& stop) {
  Comparer comparer(config, log, stop);
  const FolderLock lock(config.base.out);
  remove_abandoned(config.base.out, /*below=*/false);
  return comparer.run();
}

}  // namespace retort::run
