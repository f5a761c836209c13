#include "retort/run/extra_sources.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "retort/core/random.h"
#include "retort/run/select_extra.h"

namespace retort::run {
namespace {

constexpr uint64_t kChoiceStream = 4;

// Draws as many images as the run will use. The draw is the same for every seed of training, so
// that runs share the teacher's outputs.
std::vector<int64_t> chosen(const std::vector<int64_t>& from, int64_t wanted, uint64_t seed) {
  const auto found = static_cast<int64_t>(from.size());
  std::vector<int64_t> items = permutation(found, CounterRng({seed, kChoiceStream}));
  items.resize(static_cast<size_t>(std::min(found, wanted)));
  for (int64_t& item : items) item = from[static_cast<size_t>(item)];
  std::ranges::sort(items);
  return items;
}

// All pictures of the folder, or those that --select keeps.
std::vector<int64_t> candidates(const Plan& plan, const data::Manifest& task,
                                PreparedTeachers& teachers, ExtraSource& extra,
                                const Context& context) {
  if (!plan.data.select || *plan.data.select >= extra.found) {
    std::vector<int64_t> all(static_cast<size_t>(extra.found));
    std::iota(all.begin(), all.end(), int64_t{0});
    return all;
  }
  SelectedExtra selected =
      select_extra(plan, task, extra.manifest, teachers, *plan.data.select, context);
  extra.selection = std::move(selected.counts);
  return std::move(selected.items);
}

}  // namespace

std::vector<ExtraSource> open_extras(const Plan& plan, const data::Manifest& task, int64_t images,
                                     PreparedTeachers& teachers,
                                     const data::Preparation& preparation, const Context& context) {
  std::vector<ExtraSource> extras;
  for (const data::Extra& given : plan.data.extras) {
    ExtraSource extra;
    extra.given = given;
    extra.manifest = data::load_extra(given.path, task.classes);
    extra.found = static_cast<int64_t>(extra.manifest.items.size());
    extra.each_epoch =
        std::max<int64_t>(1, std::llround(given.ratio * static_cast<double>(images)));
    context.log.info("extra: " + given.path.string() + ", " + std::to_string(extra.found) +
                     " images, " + std::to_string(extra.each_epoch) + " of them an epoch" +
                     (plan.data.trusts_extra_labels ? ", with their labels" : ", without labels"));
    data::tell_of(extra.manifest, context.log);
    const std::vector<int64_t> items =
        chosen(candidates(plan, task, teachers, extra, context),
               extra.each_epoch * plan.training.options.epochs, plan.data.splits.split_seed);
    extra.images =
        data::ImageStore::open(plan.cache, extra.manifest, items, preparation,
                               {.max_skipped = plan.data.max_skipped}, context.log, context.stop);
    extras.push_back(std::move(extra));
  }
  return extras;
}

int64_t times_seen(const ExtraSource& extra, int64_t epochs) {
  const int64_t seen = extra.each_epoch * epochs;
  return (seen + extra.images.size() - 1) / extra.images.size();
}

}  // namespace retort::run
