#include "retort/run/central_views.h"

#include <algorithm>

#include "retort/core/random.h"
#include "retort/teacher/output_store.h"

namespace retort::run {
namespace {

constexpr uint64_t kSpreadStream = 8;

data::ViewRecipe central_square() {
  data::ViewRecipe recipe;
  recipe.scale_min = recipe.scale_max = recipe.ratio_min = recipe.ratio_max = 1;
  recipe.flip = recipe.brightness = recipe.contrast = recipe.saturation = 0;
  return recipe;
}

}  // namespace

CentralViews central_views(const Plan& plan, const data::Manifest& manifest,
                           const std::vector<int64_t>& items, PreparedTeachers& teachers,
                           const Context& context) {
  CentralViews seen;
  seen.images =
      data::ImageStore::open(plan.cache, manifest, items, data::in_files(),
                             {.max_skipped = plan.data.max_skipped}, context.log, context.stop);
  for (teacher::Teacher& teacher : teachers.teachers)
    seen.parts.push_back(
        teacher::OutputStore::open(plan.cache, teacher, seen.images, central_square(),
                                   {.views = 1, .byte_budget = plan.views.store_bytes}, context.log,
                                   context.stop)
            .view(0));
  return seen;
}

std::vector<int64_t> spread_over_classes(const data::Manifest& manifest, data::Split split,
                                         int64_t most) {
  const std::vector<int64_t> all = manifest.of(split);
  const size_t classes = manifest.classes.size();
  std::vector<std::vector<int64_t>> by_class(classes + 1);  // the last has those without a label
  for (const int64_t place :
       permutation(static_cast<int64_t>(all.size()), CounterRng({kSpreadStream}))) {
    const int64_t item = all[static_cast<size_t>(place)];
    const int64_t label = manifest.items[static_cast<size_t>(item)].label;
    by_class[label < 0 ? classes : static_cast<size_t>(label)].push_back(item);
  }
  const size_t wanted = std::min(static_cast<size_t>(most), all.size());
  std::vector<int64_t> chosen;
  for (size_t turn = 0; chosen.size() < wanted; ++turn)
    for (const std::vector<int64_t>& items : by_class)
      if (turn < items.size() && chosen.size() < wanted) chosen.push_back(items[turn]);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace retort::run
