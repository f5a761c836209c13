#include "retort/run/extra_sources.h"

#include <algorithm>
#include <cmath>

#include "retort/core/random.h"

namespace retort::run {
namespace {

constexpr uint64_t kChoiceStream = 4;

// Of more images than the run comes to, a choice that is the same for every seed, so that runs share the teacher's outputs.
std::vector<int64_t> chosen(int64_t found, int64_t wanted, uint64_t seed) {
  std::vector<int64_t> items = permutation(found, CounterRng({seed, kChoiceStream}));
  items.resize(static_cast<size_t>(std::min(found, wanted)));
  std::ranges::sort(items);
  return items;
}

}  // namespace

std::vector<ExtraSource> open_extras(const RunConfig& config, const std::filesystem::path& cache, const std::vector<std::string>& classes,
                                     int64_t images, const data::Preparation& preparation, Log& log, const StopFlag& stop) {
  std::vector<ExtraSource> extras;
  for (const std::string& text : config.extra) {
    ExtraSource extra;
    extra.given = data::extra_from(text);
    extra.manifest = data::load_extra(extra.given.path, classes);
    extra.found = static_cast<int64_t>(extra.manifest.items.size());
    extra.each_epoch = std::max<int64_t>(1, std::llround(extra.given.ratio * static_cast<double>(images)));
    log.info("extra: " + extra.given.path.string() + ", " + std::to_string(extra.found) + " images, " + std::to_string(extra.each_epoch) +
             " of them an epoch" + (config.labels == "all" ? ", with their labels" : ", without labels"));
    data::tell_of(extra.manifest, log);
    const std::vector<int64_t> items = chosen(extra.found, extra.each_epoch * config.epochs, static_cast<uint64_t>(config.split_seed));
    extra.images = data::ImageStore::open(cache, extra.manifest, items, preparation, {.max_skipped = config.max_skipped}, log, stop);
    extras.push_back(std::move(extra));
  }
  return extras;
}

int64_t different_images(const data::ImageStore& train, const std::vector<ExtraSource>& extras) {
  int64_t images = train.size();
  for (const ExtraSource& extra : extras) images += extra.images.size();
  return images;
}

// A student that goes round too few views learns them by heart (docs/results.md); where images are many, a few are enough, and the
// teacher's time is bounded.
int64_t views_for(const RunConfig& config, int64_t images, int64_t times_seen) {
  constexpr int64_t kLooks = 80000, kFewest = 8;
  return std::min(times_seen, config.views > 0 ? config.views : std::max(kFewest, kLooks / images));
}

int64_t times_seen(const ExtraSource& extra, const RunConfig& config) {
  const int64_t seen = extra.each_epoch * config.epochs;
  return (seen + extra.images.size() - 1) / extra.images.size();
}

train::Source source_of(const ExtraSource& extra, const RunConfig& config) {
  return {.images = &extra.images,
          .outputs = extra.outputs ? &*extra.outputs : nullptr,
          .each_epoch = extra.each_epoch,
          .labelled = config.labels == "all",
          .logits = config.extra_losses == "all"};
}

nlohmann::json to_json(const std::vector<ExtraSource>& extras, const RunConfig& config, int64_t images_an_epoch) {
  nlohmann::json all = nlohmann::json::array();
  for (const ExtraSource& extra : extras)
    all.push_back({{"path", extra.given.path.string()},
                   {"ratio", extra.given.ratio},
                   {"images", extra.found},
                   {"used", extra.images.size()},
                   {"labels", config.labels == "all"},
                   {"share", static_cast<double>(extra.each_epoch) / static_cast<double>(images_an_epoch)}});
  return all;
}

}  // namespace retort::run
