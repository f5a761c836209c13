#include "retort/run/network_costs.h"

#include "retort/deploy/cost.h"

namespace retort::run {

void measure_cost(models::ImageModel& model, int64_t size, NetworkSummary& summary) {
  const deploy::Cost cost = deploy::measure_cost(model, size);
  summary.parameters = cost.parameters;
  summary.multiply_adds = cost.multiply_adds;
  summary.milliseconds = cost.milliseconds;
}

void measure_costs(PreparedTeachers& teachers, TeacherSummary& summary) {
  const auto measure = [&](size_t number, TeacherSummary& own) {
    teacher::Teacher& teacher = teachers.teachers[number];
    measure_cost(teacher.model(), teacher.input_spec().size, own);
  };
  if (summary.members.empty()) {
    measure(0, summary);
    return;
  }
  for (size_t i = 0; i < summary.members.size(); ++i) {
    TeacherSummary& member = summary.members[i];
    measure(i, member);
    summary.parameters += member.parameters;
    summary.multiply_adds += member.multiply_adds;
    summary.milliseconds += member.milliseconds;
  }
}

}  // namespace retort::run
