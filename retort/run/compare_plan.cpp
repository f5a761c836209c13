#include "retort/run/compare_plan.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/data/extra.h"
#include "retort/losses/loss.h"
#include "retort/run/compare_files.h"
#include "retort/run/named_teacher.h"
#include "retort/run/plan.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

struct Loss {
  LossName embedding, logit;
};

// Splits "A+B" into A and B.
std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text + '+');
  for (std::string part; std::getline(stream, part, '+');) parts.push_back(part);
  return parts;
}

Loss parse_loss(const std::string& text, const LossName& default_logit) {
  Loss loss;
  const std::vector<std::string> names = parts_of(text);
  for (const std::string& name : names) {
    const losses::Kind kind = losses::find_loss(name).kind;
    if (kind == losses::Kind::label)
      throw UsageError("'" + name + "' needs no teacher: that is the arm `scratch`", "--loss");
    LossName& slot = kind == losses::Kind::embedding ? loss.embedding : loss.logit;
    if (slot) throw UsageError("'" + text + "' names two losses of one kind", "--loss");
    slot = name;
  }
  if (names.size() == 1 && loss.embedding) loss.logit = default_logit;
  return loss;
}

std::string words(const Loss& loss) {
  if (!loss.embedding) return loss_word(loss.logit);
  return loss.logit ? *loss.embedding + " + " + *loss.logit : *loss.embedding;
}

// Splits "A+B" into two teachers, unless a file has that name.
std::vector<std::string> teachers_in(const std::string& text) {
  std::error_code error;
  if (fs::exists(teacher_from(text).name, error)) return {text};
  return parts_of(text);
}

std::vector<ArmKind> arms_of(const CompareConfig& config, Log& log) {
  if (!config.arms.empty()) return config.arms;
  if (!config.base.classes.empty()) return {ArmKind::distill};
  const bool given = !config.base.student_weights.empty();
  std::vector<ArmKind> arms{ArmKind::scratch};
  if (given) arms.insert(arms.end(), {ArmKind::linear_probe, ArmKind::finetune});
  if (!config.teachers.empty()) arms.push_back(ArmKind::distill);
  if (!given) log.info("no --student-weights: the arms `finetune` and `linear-probe` are left out");
  return arms;
}

// The runs of an arm: copies of `one` that differ in seed and folder.
ArmPlan arm(const CompareConfig& config, ArmKind kind, const std::string& name,
            const std::string& teacher, RunConfig one) {
  ArmPlan plan{.kind = kind, .name = name, .teacher = teacher, .shorter = {}, .runs = {}};
  const int64_t seeds = plan.probe() ? 1 : config.seeds;
  for (int64_t seed = config.base.seed; seed < config.base.seed + seeds; ++seed) {
    one.seed = seed;
    one.out =
        (fs::path(config.base.out) / folder_name(plan.title()) / ("seed-" + std::to_string(seed)))
            .string();
    plan.runs.push_back(one);
  }
  return plan;
}

bool distills(ArmKind kind) {
  return kind == ArmKind::distill || kind == ArmKind::finetune_distill;
}

// The settings of all runs of an arm of this kind, without teacher and extras.
RunConfig started(const CompareConfig& config, ArmKind kind) {
  RunConfig one = config.base;
  one.extra.clear();
  one.select = 0;
  one.epochs = epochs_of(one);
  if (is_pretrained(kind)) {
    one.lr = config.finetune_lr;
  } else {
    one.student_weights.clear();
  }
  return one;
}

ArmPlan without_teacher(const CompareConfig& config, ArmKind kind) {
  RunConfig one = started(config, kind);
  one.teacher = {word_of(TeacherWord::none)};
  one.teacher_init = TeacherInit::linear_probe;
  one.closing_epochs = 0;
  return arm(config, kind, word_of(kind), "", one);
}

// Sets the epochs so that the run, with its closing phase, has as many image-steps as arms without
// extras.
void fit_epochs(RunConfig& one) {
  const double images = epoch_growth(one);
  const double given = static_cast<double>(one.epochs);
  if (one.closing_epochs == RunConfig::kByRule && !one.extra.empty()) {
    RunConfig all = one;
    all.epochs = std::llround(given / images);
    one.closing_epochs = closing_epochs_of(all, epochs_of(all));
  }
  const auto closing = static_cast<double>(std::max<int64_t>(one.closing_epochs, 0));
  if (closing >= given)
    throw UsageError("leaves nothing of the " + std::to_string(one.epochs) + " --epochs",
                     "--closing-epochs", "fewer of them");
  one.epochs = std::max<int64_t>(1, std::llround((given - closing) / images));
}

// The arm that also learns from an --extra, with as many image-steps as without it.
ArmPlan with_extra(const CompareConfig& config, ArmKind kind, const std::string& name,
                   const std::string& teacher, RunConfig one, const std::string& text) {
  const data::Extra extra = data::extra_from(text);
  one.extra = {text};
  one.select = config.base.select;
  fit_epochs(one);
  return arm(
      config, kind,
      name + ", with " + extra.path.filename().string() + " " + significant(extra.ratio, 4) + "x",
      teacher, one);
}

// Each arm that trains, followed by the same arm with three times as many epochs.
std::vector<ArmPlan> with_longer(const CompareConfig& config, std::vector<ArmPlan> plans) {
  constexpr int64_t kTimes = 3;
  std::vector<ArmPlan> all;
  for (ArmPlan& plan : plans) {
    all.push_back(plan);
    if (plan.probe()) continue;
    RunConfig one = plan.runs.front();
    one.epochs *= kTimes;
    ArmPlan longer = arm(config, plan.kind, plan.name + ", 3x as long", plan.teacher, one);
    longer.shorter = plan.title();
    all.push_back(std::move(longer));
  }
  return all;
}

// An arm for each teacher with each loss, without extras and with each of them.
std::vector<ArmPlan> distilled(const CompareConfig& config, ArmKind kind) {
  std::vector<ArmPlan> plans;
  for (const std::string& teacher : config.teachers) {
    RunConfig one = started(config, kind);
    one.teacher = teachers_in(teacher);
    std::string files;
    for (const std::string& each : one.teacher)
      files += (files.empty() ? "" : " + ") + last_part(each);
    for (const std::string& text : config.losses) {
      const Loss loss = parse_loss(text, config.base.logit_loss);
      one.loss = loss.embedding;
      one.logit_loss = loss.logit;
      const std::string name =
          (is_pretrained(kind) ? "finetune, distill " : "distill ") + words(loss);
      RunConfig alone = one;
      fit_epochs(alone);
      plans.push_back(arm(config, kind, name, files, alone));
      for (const std::string& extra : config.base.extra)
        plans.push_back(with_extra(config, kind, name, files, one, extra));
    }
  }
  return plans;
}

}  // namespace

bool is_pretrained(ArmKind kind) { return kind != ArmKind::scratch && kind != ArmKind::distill; }

std::vector<ArmPlan> plans_of(const CompareConfig& config, Log& log) {
  std::vector<ArmPlan> plans;
  for (const ArmKind kind : arms_of(config, log)) {
    const std::string where = "--arm " + word_of(kind);
    if (!distills(kind) && !config.base.classes.empty())
      throw UsageError("needs labels, and with --classes there are none", where);
    if (is_pretrained(kind) && config.base.student_weights.empty())
      throw UsageError("needs pre-trained weights of the student", where,
                       "name their file with --student-weights");
    if (!distills(kind)) {
      plans.push_back(without_teacher(config, kind));
      continue;
    }
    if (config.teachers.empty())
      throw UsageError("needs a teacher", where, "name a weight file with --teacher");
    for (ArmPlan& plan : distilled(config, kind)) plans.push_back(std::move(plan));
  }
  return config.budget == Budget::paper ? with_longer(config, std::move(plans)) : plans;
}

Plan check_base(const CompareConfig& config) {
  if (config.seeds < 1) throw UsageError("must be at least 1", "--seeds");
  RunConfig shared = config.base;
  if (shared.teacher.empty()) shared.teacher = {word_of(TeacherWord::none)};
  shared.extra.clear();
  shared.select = 0;
  shared.hours = 0;
  shared.classes.clear();
  shared.closing_epochs = 0;
  return resolve(shared);
}

Looks looks_of(const ArmPlan& arm) {
  const RunConfig& run = arm.runs.front();
  return arm.probe() || !has_teacher(run) ? Looks{} : Looks{run.teacher, run.extra};
}

Plan probe_plan(Plan plan, std::optional<int64_t> size) {
  TeachersPlan probe;
  probe.teachers = {{.name = plan.student.weights, .size = size ? size : plan.student.image_size}};
  probe.arch = plan.student.name;
  plan.teachers = probe;
  plan.student.weights.clear();
  return plan;
}

}  // namespace retort::run
