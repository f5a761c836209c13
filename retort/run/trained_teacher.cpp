#include "retort/run/trained_teacher.h"

#include "retort/core/error.h"
#include "retort/hub/pull.h"
#include "retort/models/registry.h"
#include "retort/run/distill.h"
#include "retort/run/run_folder.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// Whether the architecture's name alone gives a network as large.
bool has_named_sizes(models::ImageModel& model) {
  const models::ModelPtr named = models::make_model({model.spec().arch, model.spec().classes});
  return named->feature_dim() == model.feature_dim() && named->parameters().size() == model.parameters().size();
}

NamedTeacher trained(const RunConfig& config, const NamedTeacher& teacher, const fs::path& out, Log& log, const StopFlag& stop,
                     bool force) {
  const models::ModelPtr model = models::load_model(teacher.name, config.teacher_arch);
  if (config.teacher_init == "scratch" && !has_named_sizes(*model))
    throw UsageError("this " + model->spec().arch + " has widths or depths without a name, which are known only with its weights",
                     teacher.name, "--teacher-init finetune, or linear-probe");
  RunConfig own = config_of_teacher(config, teacher, *model);
  own.out = out.string();
  log.info("teacher: " + config.teacher_init + ", " + std::to_string(own.epochs) + " epochs, in " + own.out);
  distill_once(own, log, stop, force);
  return {.name = RunFolder{own.out}.student().string(), .size = own.image_size, .weight = teacher.weight};
}

}  // namespace

RunConfig config_of_teacher(const RunConfig& config, const NamedTeacher& teacher, const models::ImageModel& model) {
  constexpr double kFinetune = 1e-4, kFinetuneHead = 10;
  const RunConfig defaults;
  const bool finetune = config.teacher_init == "finetune";
  RunConfig own = config;
  own.teacher = {"none"};
  own.extra.clear();
  own.teacher_init = "linear-probe";
  own.teacher_arch.clear();
  // What the student learns from it does not matter to its training: one teacher serves all losses.
  own.loss = own.logit_loss = "none";
  own.loss_option = own.logit_option = {};
  own.loss_weight = own.logit_weight = defaults.loss_weight;
  own.temperature = defaults.temperature;
  own.student = model.spec().arch;
  own.student_weights = finetune ? teacher.name : "";
  const int64_t size = size_asked(teacher, config);
  own.image_size = size > 0 ? size : model.input_spec().size;
  own.epochs = config.teacher_epochs;
  own.lr = config.teacher_lr > 0 ? config.teacher_lr : finetune ? kFinetune : 0;
  if (finetune) own.schedule = "cosine";
  own.head_lr_factor = finetune ? kFinetuneHead : 1;
  return own;
}

std::string pulled(const std::string& named, Log& log, const StopFlag& stop) {
  if (!hub::is_reference(named)) return named;
  return hub::pull(hub::parse_reference(named), hub::options_from_environment(), log, stop).folder.string();
}

RunConfig with_trained_teachers(RunConfig config, const fs::path& out, Log& log, const StopFlag& stop, bool force) {
  const RunConfig given = config;
  for (size_t i = 0; i < config.teacher.size(); ++i) {
    NamedTeacher teacher = teacher_from(given.teacher[i]);
    teacher.name = pulled(teacher.name, log, stop);
    const fs::path folder = i == 0 ? out : fs::path(out.string() + "-" + std::to_string(i + 1));
    config.teacher[i] = to_text(trained(given, teacher, folder, log, stop, force));
  }
  config.teacher_init = "linear-probe";
  config.teacher_head = "keep";
  config.teacher_arch.clear();
  config.teacher_size = 0;
  return config;
}

}  // namespace retort::run
