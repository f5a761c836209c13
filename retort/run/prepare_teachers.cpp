#include "retort/run/prepare_teachers.h"

#include <algorithm>

#include "retort/hub/pull.h"
#include "retort/run/objects.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/teacher/zero_shot.h"

namespace retort::run {

int64_t PreparedTeachers::largest_size() const {
  int64_t largest = 0;
  for (const teacher::Teacher& teacher : teachers)
    largest = std::max(largest, teacher.input_spec().size);
  return largest;
}

PreparedTeachers prepare_teachers(const Plan& plan, const TeachersPlan& asked,
                                  const std::vector<std::string>& classes, const Context& context) {
  PreparedTeachers prepared;
  for (const NamedTeacher& each : asked.teachers) {
    teacher::TeacherSource source{.weights = {},
                                  .arch = asked.arch,
                                  .features = asked.features,
                                  .size = each.size.value_or(0),
                                  .mean = asked.mean,
                                  .std = asked.std,
                                  .embedding = asked.zero_shot()};
    if (names_object(each.name)) {
      const GivenNetwork& given = given_network(plan.config, each.name);
      source.weights = each.name;
      source.network = given.teacher();
      source.classes = given.classes;
    } else {
      source.weights = hub::pulled(each.name, context.log, context.stop);
    }
    prepared.teachers.emplace_back(source, plan.teacher_precision, plan.device);
    if (asked.zero_shot())
      teacher::set_zero_shot_head(prepared.teachers.back(), source.weights,
                                  class_texts(plan, classes));
    if (asked.head == TeacherHead::keep && !asked.trained_first())
      prepared.teachers.back().keep_head(classes, context.log);
    prepared.weights.push_back(each.weight);
  }
  return prepared;
}

}  // namespace retort::run
