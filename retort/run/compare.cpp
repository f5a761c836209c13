#include "retort/run/compare.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/folder_lock.h"
#include "retort/models/registry.h"
#include "retort/report/text.h"
#include "retort/run/compare_budget.h"
#include "retort/run/compare_files.h"
#include "retort/run/compare_plan.h"
#include "retort/run/distill.h"
#include "retort/run/named_teacher.h"
#include "retort/run/pace.h"
#include "retort/run/plan.h"
#include "retort/run/pretraining.h"
#include "retort/run/recommended_teachers.h"
#include "retort/run/run_folder.h"
#include "retort/run/teacher_measures.h"
#include "retort/run/trained_teacher.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/train/speed.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

std::string counted_runs(int64_t runs) {
  return std::to_string(runs) + (runs == 1 ? " run" : " runs");
}

// What an arm's runs will take.
struct Expected {
  int64_t missing = 0;
  double student_seconds = 0,
         teacher_seconds =
             0;  // of one missing run; later ones find the teacher's outputs in the cache
};

Looks looks_of(const ArmPlan& plan) {
  const RunConfig& run = plan.runs.front();
  return plan.probe || !has_teacher(run) ? Looks{} : Looks{run.teacher, run.extra};
}

// What all arms share. Teachers, extras and classes are of some arms alone, which are checked as
// they run.
Plan base_plan(const CompareConfig& config) {
  if (config.seeds < 1) throw UsageError("must be at least 1", "--seeds");
  RunConfig shared = config.base;
  if (shared.teacher.empty()) shared.teacher = {kNone};
  shared.extra.clear();
  shared.select = 0;
  shared.hours = 0;
  shared.classes.clear();
  shared.closing_epochs = 0;
  return resolve(shared);
}

CompareConfig with_named_teachers(CompareConfig config) {
  for (std::string& teacher : config.teachers)
    if (teacher == kAutomaticTeacher) teacher = automatic_teacher();
  return config;
}

// What was measured for the budget.
fs::path budget_file(const CompareConfig& config) {
  return fs::path(config.base.out) / "budget.json";
}

bool is_pretrained(const report::Arm& arm) {
  return arm.name.starts_with("finetune") || arm.name == "linear-probe";
}

class Comparer {
 public:
  Comparer(const CompareConfig& config, Log& log, const StopFlag& stop)
      : config_(with_named_teachers(config)),
        base_(base_plan(config)),
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
    base_.training.epochs = budget_.epochs;
    measure_before();
    result_.title =
        "retort compare: " + base_.student.title() + " on " + last_part(config_.base.data);
    for (const ArmPlan& plan : plans_) result_.arms.push_back(run_arm(plan));
    result_.student = base_.student.title() + ", " + std::to_string(size_) + " px, " +
                      report::count(parameters_) + " parameters";
    if (config_.budget == Budget::paper)
      result_.arms = best_of_lengths(plans_, std::move(result_.arms));
    result_.budget =
        budget_text(config_, budget_, images_, batch_size_for(base_.training, images_));
    estimate_savings();
    write_comparison(result_, config_.base.student, config_.base.out);
    return result_;
  }

  std::string expected() {
    std::string text;
    std::set<Looks> seen;
    int64_t missing = 0;
    double seconds = 0;
    for (const ArmPlan& plan : plans_) {
      Expected arm = expected_of(plan);
      if (!plan.probe && !seen.insert(looks_of(plan)).second) arm.teacher_seconds = 0;
      missing += arm.missing;
      seconds += arm.teacher_seconds + arm.student_seconds * static_cast<double>(arm.missing);
      text += plan.title() + ": ";
      const int64_t runs = std::ssize(plan.runs);
      if (arm.missing < runs)
        text +=
            std::to_string(runs - arm.missing) + " of " + std::to_string(runs) + " runs are there";
      if (arm.missing > 0 && arm.missing < runs) text += ", ";
      if (arm.missing > 0) text += counted_runs(arm.missing);
      if (arm.student_seconds > 0) text += " of " + report::duration(arm.student_seconds);
      if (arm.teacher_seconds > 0)
        text += (arm.student_seconds > 0 ? ", and once the teacher, " : " of ") +
                report::duration(arm.teacher_seconds);
      text += '\n';
    }
    return text + "in all: " + counted_runs(missing) + ", " + report::duration(seconds);
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
      if (plan.probe) {
        probe(config, arm);
      } else {
        teaching = train(config, arm);
      }
      ++done_;
      pace_.add(looks_of(plan), watch.seconds(), teaching);
    }
    if (!arm.accuracy.empty()) arm.training_seconds /= static_cast<double>(arm.accuracy.size());
    return arm;
  }

  // Where there is a choice of teachers, and labels to measure them by.
  void measure_before() {
    std::vector<RunConfig> each;
    for (const ArmPlan& plan : plans_) {
      const RunConfig& run = plan.runs.front();
      const auto same = [&](const RunConfig& known) { return known.teacher == run.teacher; };
      if (!plan.probe && has_teacher(run) && std::ranges::none_of(each, same)) each.push_back(run);
    }
    if (each.size() < 2 || !config_.base.classes.empty()) return;
    result_.measures = "Before the runs:\n" + text_of(measure_teachers(each, {log_, stop_})) + ".";
    log_.info(result_.measures);
  }

  // Of one run that is missing; zero where none is.
  Expected expected_of(const ArmPlan& plan) {
    Expected expected;
    for (const RunConfig& run : plan.runs) {
      const RunConfig config = plan.probe ? probed(run) : run;
      if (!plan.probe && is_finished(config)) continue;
      if (++expected.missing > 1) continue;
      log_.info("measuring " + plan.title());
      const Forecast measured = forecast(config, log_, stop_);
      expected.teacher_seconds = measured.teacher_seconds();
      expected.student_seconds = plan.probe ? 0 : measured.student_seconds();
    }
    return expected;
  }

  void announce(const ArmPlan& plan, int64_t seed) {
    std::string text = "run " + std::to_string(done_ + 1) + " of " + std::to_string(runs_) + ": " +
                       plan.title() + ", seed " + std::to_string(seed);
    if (const auto seconds = pace_.seconds_left())
      text += "; about " + report::duration(*seconds) + " to go";
    log_.info(text);
  }

  // A teacher that is trained first is trained for the first run, and read by the others: its
  // training is part of what each arm of it cost. Returns the seconds that the run's teachers took.
  double train(RunConfig config, report::Arm& arm) {
    double training_teachers = 0;
    if (has_teacher(config) && config.teacher_init != TeacherInit::linear_probe) {
      std::string name = "teacher";
      for (const std::string& teacher : config.teacher)
        name += "-" + folder_name(last_part(teacher));
      const int64_t seed = std::exchange(config.seed, config_.base.seed);
      const TrainedTeachers trained = train_teachers(
          resolve(config), fs::path(config_.base.out) / name, /*force=*/false, {log_, stop_});
      config = with_teachers(config, trained);
      config.seed = seed;
      training_teachers = trained.seconds;
    }
    const RunSummary summary = distill_once(config, log_, stop_);
    add(summary, training_teachers, arm);
    return training_teachers + summary.seconds.teacher;
  }

  // The student's weights in the teacher's place.
  RunConfig probed(RunConfig config) const {
    config.teacher = {config.student_weights};
    config.student_weights.clear();
    config.teacher_arch = config.student;
    config.teacher_features.clear();
    config.teacher_head = TeacherHead::probe;
    config.prompt.clear();
    config.teacher_size = size_ > 0 ? size_ : config.image_size;
    return config;
  }

  void probe(const RunConfig& config, report::Arm& arm) {
    const LinearProbe probe = linear_probe(probed(config), log_, stop_);
    add_accuracy(probe.teacher, arm);
    arm.teacher_seconds = probe.seconds;
  }

  // On test, or on validation where no images are for testing.
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
    // Later runs find the outputs in the cache: the longest is what it cost.
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
                             " px): " + report::percent(accuracy_of(*summary.teacher)) + " on " +
                             result_.split;
    if (std::ranges::find(result_.teachers, line) == result_.teachers.end())
      result_.teachers.push_back(line);
  }

  // Time saved beside pre-training the student and finetuning it, both on this machine: its
  // published schedule at its measured speed.
  void estimate_savings() {
    const std::optional<Pretraining> published = pretraining_of(config_.base.student);
    if (!published) {
      result_.pretraining =
          "No pre-training schedule is published for " + base_.student.title() + ".";
      return;
    }
    log_.info("measuring how fast this machine would pre-train " + config_.base.student);
    const models::ModelPtr model = models::make_model({config_.base.student, 1000});
    model->to(base_.device);
    const double speed =
        train::training_speed(*model, published->size, batch_size_for(base_.training, images_),
                              base_.precision, /*muon=*/false);
    const int64_t steps = published->epochs * published->images;
    const double pretraining = static_cast<double>(steps) / speed;
    for (report::Arm& arm : result_.arms) {
      if (is_pretrained(arm)) arm.pretraining_steps = steps;
      if (!arm.name.starts_with("distill")) continue;
      arm.saved = 100 * (1 - (arm.training_seconds + arm.teacher_seconds) /
                                 (pretraining + arm.training_seconds));
    }
    result_.pretraining = "Saved: of the time to pre-train the student on ImageNet (" +
                          std::to_string(published->epochs) + " epochs, " + published->source +
                          "; at the " + report::fixed(speed, 0) +
                          " images/s that this machine trains it at " +
                          std::to_string(published->size) + " px, " +
                          report::duration(pretraining) + ") and then to train as long again.";
    if (config_.budget == Budget::paper) result_.pretraining += counted(steps, speed);
  }

  // Each arm's image-steps, with those of pre-training.
  std::string counted(int64_t steps, double speed) const {
    std::string text = " Pre-training is " + report::count(steps) + " image-steps, " +
                       report::fixed(static_cast<double>(steps) / speed / 3600, 0) +
                       " h at this machine's rate. With them:";
    const char* separator = " ";
    for (const report::Arm& arm : result_.arms) {
      const int64_t all = arm.image_steps + arm.pretraining_steps;
      text += separator + arm.name + " " + report::count(all) + " image-steps";
      if (arm.pretraining_steps == 0)
        text +=
            " (" +
            report::significant(100 * static_cast<double>(all) / static_cast<double>(steps), 2) +
            " % of pre-training's)";
      separator = ", ";
    }
    return text + ".";
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

std::string expected(const CompareConfig& config, Log& log, const StopFlag& stop) {
  return Comparer(config, log, stop).expected();
}

}  // namespace retort::run
