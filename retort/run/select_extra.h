#pragma once

#include <vector>

#include "retort/data/manifest.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"
#include "retort/teacher/nearest.h"

namespace retort::run {

// The pictures of a pile that --select chose.
struct SelectedExtra {
  std::vector<int64_t> items;  // of the pile's manifest, sorted
  teacher::Selection counts;
};

// Selects the `wanted` pictures of the pile that the teachers find nearest to the task's labelled
// images (teacher/nearest.h). Of each image the teachers see the central square; of the task at
// most 4,096 images, equally many of each class. The cache keeps the teachers' features of the
// pile, and the selection under a key of all that it depends on. Where the task has no labels,
// zero-shot teachers label its images.
SelectedExtra select_extra(const Plan& plan, const data::Manifest& task, const data::Manifest& pile,
                           PreparedTeachers& teachers, int64_t wanted, const Context& context);

}  // namespace retort::run
