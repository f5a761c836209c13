#include "retort/run/opened.h"

#include <ATen/Parallel.h>

#include <utility>

#include "retort/run/start_student.h"

namespace retort::run {

Opened open_all(const Plan& given, const Context& context, Inputs* inputs) {
  Plan plan = given;
  if (plan.config.threads > 0) at::set_num_threads(static_cast<int>(plan.config.threads));
  data::Manifest manifest = list_data(plan, context);
  plan.student.weights = pulled(plan.student.weights, context);
  const models::ModelPtr student =
      start_student(plan.student, static_cast<int64_t>(manifest.classes.size()),
                    plan.student.image_size);  // for its input alone
  PreparedTeachers teachers = prepare_teachers(plan, plan.teachers, manifest.classes, context);
  // Inputs are of the whole data set, copies included: they are asked for again before copies are
  // known.
  if (inputs != nullptr)
    *inputs = inputs_of(given, plan.data.dedupe ? manifest_of(plan.data) : manifest, context.log,
                        context.stop);
  OpenData data = open_data(plan, std::move(manifest), student->input_spec(), teachers, context);
  // Where there are hours, how many of their images are needed is still to be chosen.
  if (!plan.training.hours) open_extras(plan, teachers, context, data);
  return {std::move(plan), std::move(teachers), std::move(data)};
}

}  // namespace retort::run
