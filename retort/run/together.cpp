#include "retort/run/together.h"

#include <ATen/ATen.h>

#include "retort/run/finished_run.h"
#include "retort/run/fit_teachers.h"
#include "retort/run/objects.h"
#include "retort/run/opened.h"
#include "retort/run/train_student.h"
#include "retort/run/trained_teacher.h"

namespace retort::run {

bool begin_together(Ranks& ranks, bool works, DistillOptions& options) {
  at::Tensor told =
      at::tensor({int64_t{works}, int64_t{options.resume}, int64_t{options.force}}, at::kLong);
  broadcast(told, ranks);
  options.resume = told[1].item<int64_t>() != 0;
  options.force = told[2].item<int64_t>() != 0;
  return told[0].item<int64_t>() != 0;
}

RunSummary follow(const Plan& given, Sources& sources, DistillOptions options,
                  const StopFlag& stop) {
  Ranks& ranks = ranks_of(given.config);
  const Context context{null_log(), stop};
  const RunFolder folder{given.out};
  if (begin_together(ranks, true, options)) {
    meet(ranks);
    auto [plan, teachers, data] = open_all(given, sources.data(context), context);
    train_teachers_first(plan, data.manifest.classes, teachers, options.force, context);
    const FittedTeachers fitted = fit_teachers(plan, data, teachers, context);
    train_student(plan, data, fitted, {}, folder, options.resume, context);
    meet(ranks);
  }
  return read_finished(folder);
}

void train_teachers_first(Plan& plan, const std::vector<std::string>& classes,
                          PreparedTeachers& teachers, bool force, const Context& context) {
  if (!plan.teachers.trained_first()) return;
  Ranks& ranks = ranks_of(plan.config);
  if (!ranks.leads()) meet(ranks);
  plan.teachers =
      train_teachers(plan, plan.out / "teacher", force && ranks.leads(), context).teachers;
  if (ranks.leads()) meet(ranks);
  teachers = prepare_teachers(plan, plan.teachers, classes, context);
}

}  // namespace retort::run
