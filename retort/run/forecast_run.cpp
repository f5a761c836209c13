#include "retort/run/forecast_run.h"

#include "retort/hub/pull.h"
#include "retort/models/registry.h"
#include "retort/run/start_student.h"
#include "retort/run/trained_teacher.h"
#include "retort/train/batches.h"

namespace retort::run {
namespace {

// Adds the passes of all teachers, each measured at its own rate.
void add_teacher_passes(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                        bool cold, Forecast& forecast) {
  double seconds = 0;
  for (size_t i = 0; i < teachers.teachers.size(); ++i) {
    teacher::Teacher& teacher = teachers.teachers[i];
    PendingViews pending = pending_views(plan, data, teachers, i);
    if (cold) pending.missing = pending.all;
    if (pending.missing + pending.live == 0) continue;
    const int64_t all = pending.missing + pending.live + data.val.size() + data.test.size();
    forecast.disk_bytes += pending.missing * teacher.feature_dim() * 2;
    forecast.looks += all;
    seconds += static_cast<double>(all) / seeing_rate(teacher, data.train, plan.views.recipe);
  }
  if (seconds > 0) forecast.teacher_rate = static_cast<double>(forecast.looks) / seconds;
}

void add_teacher_training(const Plan& plan, const OpenData& data, const Context& context,
                          double seconds_of_steps, Forecast& forecast) {
  double seconds = 0;
  for (const NamedTeacher& teacher : plan.teachers.teachers) {
    const models::ModelPtr model = models::load_model(
        hub::pulled(teacher.name, context.log, context.stop), plan.teachers.arch);
    model->to(plan.device);
    const TrainingPlan own = teacher_plan(plan, teacher, *model, plan.out / "teacher").training;
    data::InputSpec input = model->input_spec();
    input.size = teacher.size.value_or(input.size);
    const int64_t images = data.train.size();
    const StudentRates rates =
        student_rates(*model, data.train, plan.views.recipe, input, batch_size_for(own, images),
                      plan.precision, own.options.muon, seconds_of_steps);
    seconds += static_cast<double>(images * own.options.epochs) / rates.training;
    forecast.teacher_steps += images * own.options.epochs;
  }
  if (seconds > 0)
    forecast.teacher_training_rate = static_cast<double>(forecast.teacher_steps) / seconds;
}

}  // namespace

Forecast forecast_run(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                      const Context& context, const ForecastOptions& options) {
  context.log.info("measuring how fast this machine is");
  const models::ModelPtr student = start_student(
      plan.student, static_cast<int64_t>(data.manifest.classes.size()), data.spec.size);
  student->to(plan.device);
  const int64_t images = data.images_an_epoch(), batch = batch_size_for(plan.training, images),
                epochs = plan.training.options.epochs;
  const StudentRates rates =
      student_rates(*student, data.train, plan.views.recipe, data.spec, batch, plan.precision,
                    plan.training.options.muon, options.seconds);
  const int64_t closing = plan.training.closing_epochs;
  Forecast forecast{.images = images,
                    .epochs = epochs,
                    .steps = train::batches_an_epoch(images, batch) * epochs,
                    .closing = data.train.size() * closing,
                    .student_rate = rates.training,
                    .evaluated = data.val.size() * (epochs + closing) + data.test.size(),
                    .evaluation_rate = rates.evaluation,
                    .validated = data.val.size()};
  add_teacher_passes(plan, data, teachers, options.cold, forecast);
  if (plan.teachers.trained_first())
    add_teacher_training(plan, data, context, options.seconds, forecast);
  forecast.memory_bytes = peak_memory();
  return forecast;
}

}  // namespace retort::run
