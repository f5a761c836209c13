#pragma once

#include <vector>

#include "retort/data/manifest.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"
#include "retort/teacher/nearest.h"

namespace retort::run {

// The pictures of a pile that --select keeps.
struct SelectedExtra {
  std::vector<int64_t> items;  // of the pile's manifest, in rising order
  teacher::Selection counts;
};

// The `wanted` pictures of the pile that the teachers find nearest to the task's labelled images
// (teacher/nearest.h). Both are seen as their central square, whole; of the task no more than 4,096
// images are, equally many of each class. What the teachers make of a pile is kept in the cache,
// and so is the choice, by all that it depends on. Where the task has no labels, zero-shot teachers
// name its images.
SelectedExtra select_extra(const Plan& plan, const data::Manifest& task, const data::Manifest& pile,
                           PreparedTeachers& teachers, int64_t wanted, const Context& context);

}  // namespace retort::run
