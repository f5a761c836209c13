// Makes the choices that a plan leaves open, once it is known what they depend on.
#include <algorithm>
#include <cmath>

#include "retort/run/plan.h"

namespace retort::run {

int64_t epochs_of(const RunConfig& config) {
  constexpr int64_t kUsual = 100;
  return config.epochs > 0 ? config.epochs : kUsual;
}

int64_t batch_size_for(const TrainingPlan& plan, int64_t images) {
  constexpr int64_t kUsual = 64, kSmall = 32, kFewSteps = 2000;
  return plan.batch_size.value_or(plan.options.epochs * images < kFewSteps * kUsual ? kSmall
                                                                                    : kUsual);
}

double learning_rate_for(const TrainingPlan& plan, int64_t images) {
  constexpr int64_t kMany = 10000;
  if (plan.learning_rate) return *plan.learning_rate;
  if (plan.pretrained) return 3e-4;
  return plan.options.muon || images < kMany ? 1e-3 : 3e-3;
}

train::TrainOptions options_for(const TrainingPlan& plan, int64_t images, int64_t different_images,
                                int64_t views) {
  train::TrainOptions options = plan.options;
  options.batch_size = batch_size_for(plan, images);
  options.learning_rate = learning_rate_for(plan, different_images);
  options.views = views;
  return options;
}

double closing_rate_for(const TrainingPlan& plan, int64_t images) {
  return plan.closing_rate.value_or(learning_rate_for(plan, images) / 10);
}

double epoch_growth(const RunConfig& config) {
  double images = 1;
  for (const std::string& extra : config.extra) images += data::extra_from(extra).ratio;
  return images;
}

int64_t closing_epochs_of(const RunConfig& config, int64_t epochs) {
  if (config.closing_epochs != RunConfig::kByRule) return config.closing_epochs;
  if (config.extra.empty()) return 0;
  const int64_t tenth = std::llround(static_cast<double>(epochs) * epoch_growth(config) / 10);
  return std::clamp<int64_t>(tenth, 10, 100);
}

// A student that sees too few views overfits them (docs/results.md). With many images a few views
// of each are enough, which bounds the teacher's time.
int64_t stored_views(const ViewsPlan& plan, int64_t images, int64_t times_seen) {
  constexpr int64_t kPasses = 80000, kFewest = 8;
  return std::min(times_seen, plan.stored.value_or(std::max(kFewest, kPasses / images)));
}

}  // namespace retort::run
