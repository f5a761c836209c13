#include "retort/run/opened.h"

#include <utility>

#include "retort/hub/pull.h"
#include "retort/run/start_student.h"

namespace retort::run {

Opened open_all(const Plan& given, const ListedData& listed, const Context& context) {
  Plan plan = given;
  data::Manifest manifest = chosen_data(plan, listed, context);
  plan.student.weights = hub::pulled(plan.student.weights, context.log, context.stop);
  const models::ModelPtr student =
      start_student(plan.student, static_cast<int64_t>(manifest.classes.size()),
                    plan.student.image_size);  // needed only for its input
  PreparedTeachers teachers = prepare_teachers(plan, plan.teachers, manifest.classes, context);
  OpenData data = open_data(plan, std::move(manifest), student->input_spec(), teachers, context);
  // With --hours, the number of their images is chosen later.
  if (!plan.training.hours) open_extras(plan, teachers, context, data);
  return {std::move(plan), std::move(teachers), std::move(data)};
}

}  // namespace retort::run
