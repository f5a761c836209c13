#include "retort/run/trained_teacher.h"

#include <functional>

#include "retort/core/error.h"
#include "retort/hub/pull.h"
#include "retort/models/registry.h"
#include "retort/run/distill.h"
#include "retort/run/finished_run.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// Whether the architecture's name alone gives a network of the same size.
bool has_named_sizes(models::ImageModel& model) {
  const models::ModelPtr named = models::make_model({model.spec().arch, model.spec().classes});
  return named->feature_dim() == model.feature_dim() &&
         named->parameters().size() == model.parameters().size();
}

// The settings that the training of a teacher shares with the student's: data, views, device, and
// how a network is trained. All others have their defaults.
RunConfig shared_settings(const RunConfig& student) {
  RunConfig own;
  own.data = student.data;
  own.val_fraction = student.val_fraction;
  own.test_fraction = student.test_fraction;
  own.split_seed = student.split_seed;
  own.max_skipped = student.max_skipped;
  own.dedupe = student.dedupe;
  own.image_store = student.image_store;
  own.cache = student.cache;
  own.view = student.view;
  own.view_seed = student.view_seed;
  own.seed = student.seed;
  own.threads = student.threads;
  own.device = student.device;
  own.precision = student.precision;
  own.batch_size = student.batch_size;
  own.optimizer = student.optimizer;
  own.init = student.init;
  own.schedule = student.schedule;
  own.weight_decay = student.weight_decay;
  own.warmup = student.warmup;
  own.clip_norm = student.clip_norm;
  own.ema = student.ema;
  own.label_smoothing = student.label_smoothing;
  own.checkpoint_seconds = student.checkpoint_seconds;
  return own;
}

// The plan of the run that trains one teacher, in a folder of its own.
Plan own_plan(const Plan& plan, const NamedTeacher& teacher, const fs::path& out) {
  const models::ModelPtr model = models::load_model(teacher.name, plan.teachers.arch);
  if (plan.teachers.init == TeacherInit::scratch && !has_named_sizes(*model))
    throw UsageError(
        "this " + model->spec().arch +
            " has widths or depths without a name, which are known only with its weights",
        teacher.name, "--teacher-init finetune, or linear-probe");
  return teacher_plan(plan, teacher, *model, out);
}

// The teachers with what `run` says of the run of each; nothing where it says nothing of one.
std::optional<TrainedTeachers> collected(
    const Plan& plan, const fs::path& out, const Context& context,
    const std::function<std::optional<RunSummary>(const Plan&)>& run) {
  TrainedTeachers all{.teachers = plan.teachers};
  for (size_t i = 0; i < plan.teachers.teachers.size(); ++i) {
    NamedTeacher& teacher = all.teachers.teachers[i];
    teacher.name = hub::pulled(teacher.name, context.log, context.stop);
    const fs::path folder = i == 0 ? out : fs::path(out.string() + "-" + std::to_string(i + 1));
    const std::optional<RunSummary> summary = run(own_plan(plan, teacher, folder));
    if (!summary) return std::nullopt;
    all.seconds += summary->seconds.total();
    teacher.name = RunFolder{folder}.student().string();
    teacher.size = summary->student.image_size;
  }
  all.teachers.init = TeacherInit::linear_probe;
  all.teachers.head = TeacherHead::keep;
  all.teachers.arch.clear();
  return all;
}

}  // namespace

Plan teacher_plan(const Plan& plan, const NamedTeacher& teacher, const models::ImageModel& model,
                  const fs::path& out) {
  constexpr double kFinetune = 1e-4, kFinetuneHead = 10;
  const bool finetune = plan.teachers.init == TeacherInit::finetune;
  RunConfig own = shared_settings(plan.config);
  own.out = out.string();
  own.teacher = {word_of(TeacherWord::none)};
  // The student's losses are cleared, so that one teacher serves all of them.
  own.loss = own.logit_loss = std::nullopt;
  own.student = model.spec().arch;
  own.image_size = teacher.size.value_or(model.input_spec().size);
  own.epochs = plan.teachers.epochs;
  own.lr = plan.teachers.learning_rate.value_or(finetune ? kFinetune : 0);
  if (finetune) {
    own.student_weights = teacher.name;
    own.schedule = train::Schedule::cosine;
    own.head_lr_factor = kFinetuneHead;
  }
  return resolve(own);
}

TrainedTeachers train_teachers(const Plan& plan, const fs::path& out, bool force,
                               const Context& context) {
  return *collected(plan, out, context, [&](const Plan& own) {
    context.log.info("teacher: " + word_of(plan.teachers.init) + ", " +
                     std::to_string(own.training.options.epochs) + " epochs, in " +
                     own.out.string());
    return std::optional(distill_once(own, context.log, context.stop, force));
  });
}

std::optional<TrainedTeachers> trained_before(const Plan& plan, const fs::path& out,
                                              const Context& context) {
  return collected(plan, out, context, [](const Plan& own) {
    return is_finished(own) ? std::optional(read_finished(RunFolder{own.out})) : std::nullopt;
  });
}

}  // namespace retort::run
