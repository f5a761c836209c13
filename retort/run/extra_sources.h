#pragma once

#include <optional>
#include <vector>

#include "retort/data/extra.h"
#include "retort/data/image_store.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"
#include "retort/teacher/nearest.h"

namespace retort::run {

// The images of one --extra in a run.
struct ExtraSource {
  data::Extra given;
  int64_t found = 0, each_epoch = 0;
  data::Manifest manifest;
  data::ImageStore images;                      // those of `found` that the run will use
  std::optional<teacher::Selection> selection;  // where --select chose them
};

// Opens every --extra of the plan, for a task of this many training images.
std::vector<ExtraSource> open_extras(const Plan& plan, const data::Manifest& task, int64_t images,
                                     PreparedTeachers& teachers,
                                     const data::Preparation& preparation, const Context& context);

// How often a run of this many epochs passes over its images, with the last, partial pass counted.
int64_t times_seen(const ExtraSource& extra, int64_t epochs);

}  // namespace retort::run
