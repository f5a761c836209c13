#include "retort/run/extra_sources.h"

#include <algorithm>
#include <cmath>

#include "retort/core/random.h"

namespace retort::run {
namespace {

constexpr uint64_t kChoiceStream = 4;

// Of more images than the run comes to, a choice that is the same for every seed, so that runs
// share the teacher's outputs.
std::vector<int64_t> chosen(int64_t found, int64_t wanted, uint64_t seed) {
  std::vector<int64_t> items = permutation(found, CounterRng({seed, kChoiceStream}));
  items.resize(static_cast<size_t>(std::min(found, wanted)));
  std::ranges::sort(items);
  return items;
}

}  // namespace

std::vector<ExtraSource> open_extras(const Plan& plan, const std::vector<std::string>& classes,
                                     int64_t images, const data::Preparation& preparation,
                                     const Context& context) {
  std::vector<ExtraSource> extras;
  for (const data::Extra& given : plan.data.extras) {
    ExtraSource extra;
    extra.given = given;
    extra.manifest = data::load_extra(given.path, classes);
    extra.found = static_cast<int64_t>(extra.manifest.items.size());
    extra.each_epoch =
        std::max<int64_t>(1, std::llround(given.ratio * static_cast<double>(images)));
    context.log.info("extra: " + given.path.string() + ", " + std::to_string(extra.found) +
                     " images, " + std::to_string(extra.each_epoch) + " of them an epoch" +
                     (plan.data.trusts_extra_labels ? ", with their labels" : ", without labels"));
    data::tell_of(extra.manifest, context.log);
    const std::vector<int64_t> items = chosen(
        extra.found, extra.each_epoch * plan.training.options.epochs, plan.data.splits.split_seed);
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
