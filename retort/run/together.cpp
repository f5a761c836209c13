#include "retort/run/together.h"

#include <ATen/ATen.h>

#include "retort/run/objects.h"
#include "retort/run/trained_teacher.h"

namespace retort::run {

Begun begin_together(Ranks& ranks, Begun begun, DistillOptions& options) {
  at::Tensor told = at::tensor({int64_t{begun.works}, int64_t{options.resume},
                                int64_t{options.force}, int64_t{begun.replaces}},
                               at::kLong);
  broadcast(told, ranks);
  options.resume = told[1].item<int64_t>() != 0;
  options.force = told[2].item<int64_t>() != 0;
  return {told[0].item<int64_t>() != 0, told[3].item<int64_t>() != 0};
}

void train_teachers_first(Plan& plan, const std::vector<std::string>& classes,
                          PreparedTeachers& teachers, bool force, const Context& context) {
  if (!plan.teachers.trained_first()) return;
  Ranks& ranks = ranks_of(plan.config);
  plan.teachers = leader_first(ranks, [&] {
    return train_teachers(plan, plan.out / "teacher", force && ranks.leads(), context).teachers;
  });
  teachers = prepare_teachers(plan, plan.teachers, classes, context);
}

}  // namespace retort::run
