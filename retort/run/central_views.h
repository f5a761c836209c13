#pragma once

#include <vector>

#include "retort/core/feature_parts.h"
#include "retort/data/image_store.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// Images with what each teacher makes of their central square, whole. That is kept in the cache as
// every view's features are; pixels are not: those of a whole pile would fill the disk.
struct CentralViews {
  data::ImageStore images;
  std::vector<FeatureParts> parts;  // of each teacher
};
CentralViews central_views(const Plan& plan, const data::Manifest& manifest,
                           const std::vector<int64_t>& items, PreparedTeachers& teachers,
                           const Context& context);

// Items of a split, at most `most` of them, equally many of each class as far as they go; the same
// every time.
std::vector<int64_t> spread_over_classes(const data::Manifest& manifest, data::Split split,
                                         int64_t most);

}  // namespace retort::run
