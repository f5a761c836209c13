#pragma once

#include <vector>

#include "retort/core/feature_parts.h"
#include "retort/data/image_store.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// Images with each teacher's features of their central square. The cache keeps the features, as it
// does those of other views, but not the pixels: those of a whole pile would fill the disk.
struct CentralViews {
  data::ImageStore images;
  std::vector<FeatureParts> parts;  // for each teacher
};
CentralViews central_views(const Plan& plan, const data::Manifest& manifest,
                           const std::vector<int64_t>& items, PreparedTeachers& teachers,
                           const Context& context);

// At most `most` items of a split, equally many of each class as far as there are enough. The
// choice is the same in every run.
std::vector<int64_t> spread_over_classes(const data::Manifest& manifest, data::Split split,
                                         int64_t most);

}  // namespace retort::run
