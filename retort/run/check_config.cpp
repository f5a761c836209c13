#include <string>
#include <vector>

#include "retort/core/device.h"
#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/extra.h"
#include "retort/hub/reference.h"
#include "retort/losses/loss.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/programs/torchscript.h"
#include "retort/run/config.h"
#include "retort/run/named_teacher.h"
#include "retort/run/objects.h"

namespace retort::run {
namespace {

void check_teacher(const NamedTeacher& teacher, const RunConfig& config) {
  const std::string& name = teacher.name;
  if (hub::is_reference(name)) (void)hub::parse_reference(name);
  if (config.teacher.size() > 1 && teacher.word == TeacherWord::none)
    throw UsageError("is `none`, beside others", "--teacher");
  if (config.teacher_init != TeacherInit::linear_probe &&
      (models::names_graph(name) || models::script_teacher_spec(name, "")))
    throw UsageError("a network of no family of retort's can be learned from, but not trained",
                     name, "--teacher-init linear-probe");
}

void check_objects(const RunConfig& config) {
  for (const std::string& text : config.teacher) {
    const std::string name = teacher_from(text).name;
    if (!names_object(name)) continue;
    (void)given_network(config, name);
    if (!config.teacher_arch.empty() || !config.teacher_features.empty())
      throw UsageError("an object is its own architecture", "--teacher-arch, --teacher-features",
                       "leave them out");
    if (config.teacher_init != TeacherInit::linear_probe)
      throw UsageError("an object can be learned from, but not trained first", name,
                       "--teacher-init linear-probe, or train it and give it then");
    if (config.teacher_head == TeacherHead::zero_shot)
      throw UsageError("an object has no text tower", name, "name its folder");
  }
  if (!names_object(config.student)) return;
  (void)given_network(config, config.student);
  if (!config.student_weights.empty())
    throw UsageError("an object brings its own weights", "--student-weights", "leave it out");
}

// Refuses a text that config.toml cannot hold.
void check_text(const std::string& text) {
  const bool both_quotes =
      text.find('\'') != std::string::npos && text.find_first_of("\"\\") != std::string::npos;
  if (!is_utf8(text) || has_controls(text) || both_quotes)
    throw UsageError(
        "a path that is not UTF-8, with control characters, or with both kinds of quotes, cannot "
        "stand in config.toml",
        printable(text), "rename it");
}

void check_paths(const RunConfig& config) {
  for (const std::string* path : {&config.data, &config.student, &config.student_weights,
                                  &config.out, &config.cache, &config.classes})
    check_text(*path);
  for (const std::vector<std::string>* texts : {&config.teacher, &config.extra, &config.prompt})
    for (const std::string& text : *texts) check_text(text);
}

void check_zero_shot(const RunConfig& config) {
  const bool zero_shot = config.teacher_head == TeacherHead::zero_shot;
  if (!config.classes.empty() && !(zero_shot && has_teacher(config)))
    throw UsageError("images without labels need a teacher that needs none", "--classes",
                     "--teacher-head zero-shot, with a CLIP or a SigLIP");
  if (zero_shot &&
      (config.teacher_init != TeacherInit::linear_probe || !config.teacher_features.empty()))
    throw UsageError("a zero-shot teacher stays as it is", "--teacher-init, --teacher-features",
                     "leave them out");
  if (!zero_shot && !config.prompt.empty())
    throw UsageError("is for --teacher-head zero-shot", "--prompt");
  for (const std::string& prompt : config.prompt)
    if (prompt.find("{class}") == std::string::npos)
      throw UsageError("has no {class} in it: '" + prompt + "'", "--prompt");
}

void check_teachers(const RunConfig& config) {
  for (const std::string& text : config.teacher) check_teacher(teacher_from(text), config);
  check_objects(config);
  check_zero_shot(config);
  if (config.teacher_init != TeacherInit::linear_probe && !config.teacher_features.empty())
    throw UsageError("a teacher that is trained first keeps its own features", "--teacher-features",
                     "leave it out, or --teacher-init linear-probe");
  if (config.teacher.size() == 1) return;
  for (const std::string* given :
       {&config.teacher_arch, &config.teacher_features, &config.teacher_mean, &config.teacher_std})
    if (!given->empty())
      throw UsageError("is said of one teacher, and there are several: '" + *given + "'",
                       "--teacher-arch, -features, -mean, -std",
                       "leave it out, or name one --teacher");
}

void check_loss(const LossName& name, losses::Kind kind, const char* option) {
  if (name && losses::find_loss(*name).kind != kind)
    throw UsageError("'" + *name + "' is a loss of another kind", option,
                     "see `retort list losses`");
}

void check_objective(const RunConfig& config) {
  for (const double weight : {config.loss_weight, config.logit_weight})
    if (weight < 0 && weight != RunConfig::kOwn)
      throw UsageError("a loss's weight is 0 or more", "--loss-weight, --logit-weight");
  check_loss(config.loss, losses::Kind::embedding, "--loss");
  check_loss(config.logit_loss, losses::Kind::logit, "--logit-loss");
}

void check_extras(const RunConfig& config) {
  for (const std::string& extra : config.extra) (void)data::extra_from(extra);
  if (!config.extra.empty() && !has_teacher(config) && config.labels != TrustedLabels::all)
    throw UsageError("teaches nothing without a teacher and without labels", "--extra",
                     "name a --teacher, or say --labels all");
  if (config.select > 0 && (config.extra.empty() || !has_teacher(config)))
    throw UsageError("is of the pictures of --extra, and a teacher's choice", "--select",
                     "name an --extra and a --teacher, or leave it out");
}

void check_closing(const RunConfig& config) {
  if (config.closing_epochs != 0 && (!has_teacher(config) || !config.classes.empty()))
    throw UsageError("follows a distillation, on images with labels", "--closing-epochs",
                     "leave it out with --teacher none and with --classes");
}

}  // namespace

void check_hours(const RunConfig& config) {
  if (config.hours > 0 && config.epochs > 0)
    throw UsageError("chooses the epochs, and " + std::to_string(config.epochs) + " are named",
                     "--hours", "leave out --epochs, or say --epochs 0");
}

void validate(const RunConfig& config) {
  if (config.data.empty())
    throw UsageError("no data set was named", "--data",
                     "point it at a folder with one folder a class");
  if (config.teacher.empty())
    throw UsageError("no teacher was named", "--teacher",
                     "a weight file, or `none` to train from scratch");
  check_paths(config);
  if (hub::is_reference(config.student_weights)) (void)hub::parse_reference(config.student_weights);
  check_teachers(config);
  if (config.batch_size == 1)
    throw UsageError("a batch of one has no negatives and no statistics", "--batch-size",
                     "2 or more, or 0");
  if (config.out.empty())
    throw UsageError("no run folder was named", "--out", "for example --out runs/first");
  if (config.view.scale_min > config.view.scale_max)
    throw UsageError("is larger than --crop-max", "--crop-min");
  data::check(config.view.augment);
  check_device_name(config.device);
  check_extras(config);
  check_hours(config);
  check_closing(config);
  check_objective(config);
}

}  // namespace retort::run
