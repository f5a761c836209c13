#include "retort/run/trained_teacher.h"

#include "retort/core/error.h"
#include "retort/models/registry.h"
#include "retort/run/distill.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// Whether the architecture's name alone gives a network as large.
bool has_named_sizes(models::ImageModel& model) {
  const models::ModelPtr named = models::make_model({model.spec().arch, model.spec().classes});
  return named->feature_dim() == model.feature_dim() &&
         named->parameters().size() == model.parameters().size();
}

// The run that trains one, in a folder of its own.
RunSummary trained(const Plan& plan, const NamedTeacher& teacher, const fs::path& out, bool force,
                   const Context& context) {
  const models::ModelPtr model = models::load_model(teacher.name, plan.teachers.arch);
  if (plan.teachers.init == TeacherInit::scratch && !has_named_sizes(*model))
    throw UsageError(
        "this " + model->spec().arch +
            " has widths or depths without a name, which are known only with its weights",
        teacher.name, "--teacher-init finetune, or linear-probe");
  RunConfig own = config_of_teacher(plan, teacher, *model);
  own.out = out.string();
  context.log.info("teacher: " + word_of(plan.teachers.init) + ", " + std::to_string(own.epochs) +
                   " epochs, in " + own.out);
  return distill_once(own, context.log, context.stop, force);
}

}  // namespace

RunConfig config_of_teacher(const Plan& plan, const NamedTeacher& teacher,
                            const models::ImageModel& model) {
  constexpr double kFinetune = 1e-4, kFinetuneHead = 10;
  const RunConfig defaults, &given = plan.config;
  const bool finetune = plan.teachers.init == TeacherInit::finetune;
  RunConfig own = given;
  own.teacher = {kNone};
  own.extra.clear();
  own.select = defaults.select;
  own.closing_epochs = defaults.closing_epochs;
  own.closing_lr = defaults.closing_lr;
  own.teacher_init = defaults.teacher_init;
  own.teacher_arch.clear();
  // What the student learns from it does not matter to its training: one teacher serves all losses.
  own.loss = own.logit_loss = kNone;
  own.loss_option = own.logit_option = {};
  own.loss_weight = own.logit_weight = defaults.loss_weight;
  own.label_weight = defaults.label_weight;
  own.temperature = defaults.temperature;
  own.student = model.spec().arch;
  own.student_weights = finetune ? teacher.name : "";
  own.image_size = teacher.size.value_or(model.input_spec().size);
  own.epochs = given.teacher_epochs;
  own.hours = 0;
  own.lr = given.teacher_lr > 0 ? given.teacher_lr : finetune ? kFinetune : 0;
  if (finetune) own.schedule = train::Schedule::cosine;
  own.head_lr_factor = finetune ? kFinetuneHead : 1;
  return own;
}

TrainedTeachers train_teachers(const Plan& plan, const fs::path& out, bool force,
                               const Context& context) {
  TrainedTeachers trained_first{.teachers = plan.teachers};
  for (size_t i = 0; i < plan.teachers.teachers.size(); ++i) {
    NamedTeacher& teacher = trained_first.teachers.teachers[i];
    teacher.name = pulled(teacher.name, context);
    const fs::path folder = i == 0 ? out : fs::path(out.string() + "-" + std::to_string(i + 1));
    const RunSummary summary = trained(plan, teacher, folder, force, context);
    trained_first.seconds += summary.seconds.total();
    teacher.name = RunFolder{folder}.student().string();
    teacher.size = summary.student.image_size;
  }
  trained_first.teachers.init = TeacherInit::linear_probe;
  trained_first.teachers.head = TeacherHead::keep;
  trained_first.teachers.arch.clear();
  return trained_first;
}

RunConfig with_teachers(RunConfig config, const TrainedTeachers& trained) {
  for (size_t i = 0; i < config.teacher.size(); ++i) {
    const NamedTeacher& teacher = trained.teachers.teachers[i];
    config.teacher[i] = to_text({.name = teacher.name,
                                 .size = teacher.size,
                                 .weight = teacher_from(config.teacher[i]).weight});
  }
  config.teacher_init = trained.teachers.init;
  config.teacher_head = trained.teachers.head;
  config.teacher_arch.clear();
  config.teacher_size = 0;
  return config;
}

}  // namespace retort::run
