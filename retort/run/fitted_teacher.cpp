#include "retort/core/error.h"
#include "retort/run/distill.h"
#include "retort/run/fit_teachers.h"
#include "retort/run/network_costs.h"
#include "retort/run/opened.h"
#include "retort/run/teacher_logits.h"

namespace retort::run {

FittedTeacher fitted_teacher(const Plan& given, Log& log, const StopFlag& stop) {
  if (given.teachers.teachers.size() > 1)
    throw UsageError("one teacher judges, not several", "--teacher");
  const Context context{log, stop};
  Opened opened = open_all(given, list_data(given, context), context);
  const Plan& plan = opened.plan;
  const data::Manifest& manifest = opened.data.manifest;
  fit_teachers(plan, opened.data, opened.teachers, context);
  teacher::Teacher& teacher = opened.teachers.teachers.front();
  const data::Preparation prepared = data::for_evaluation(teacher.input_spec());
  const data::ImageStore train = open_split(plan, manifest, data::Split::train, prepared, context);
  const data::ImageStore val = open_split(plan, manifest, data::Split::val, prepared, context);
  const auto seen = [&](const data::ImageStore& images, const char* name) {
    return evaluation_parts(plan, teacher, images, name, context).all();
  };
  return {manifest,
          teacher,
          seen(train, "unmixed"),
          data::labels_of(train),
          seen(val, "validation"),
          data::labels_of(val)};
}

LinearProbe linear_probe(const Plan& given, Log& log, const StopFlag& stop) {
  const Context context{log, stop};
  auto [plan, teachers, data] = open_all(given, list_data(given, context), context);
  const Stopwatch watch;
  FittedTeachers fitted = fit_teachers(plan, data, teachers, context);
  const double seconds = watch.seconds();
  measure_costs(teachers, *fitted.summary);
  return {*fitted.summary, seconds};
}

}  // namespace retort::run
