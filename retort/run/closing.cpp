#include "retort/run/closing.h"

#include "retort/core/random.h"
#include "retort/core/text.h"
#include "retort/losses/objective.h"
#include "retort/models/image_model.h"
#include "retort/run/objects.h"

namespace retort::run {
namespace {

constexpr uint64_t kClosingStream = 7;  // gives it another order and other views than distillation

std::vector<losses::TermConfig> closing_terms(const Plan& plan) {
  return {{"cross_entropy", 1, {{"label_smoothing", plan.config.label_smoothing}}}};
}

train::TrainOptions closing_options(const Plan& plan, const OpenData& data,
                                    const std::string& distilled) {
  TrainingPlan own = plan.training;
  own.options.epochs = own.closing_epochs;
  train::TrainOptions options = own.options;
  options.batch_size = batch_size_for(own, data.train.size());
  options.learning_rate = closing_rate_for(plan.training, data.different_images());
  options.muon = false;
  options.schedule = train::Schedule::linear;
  options.seed = mix64(own.options.seed + mix64(kClosingStream));
  options.view_seed = mix64(plan.views.seed + mix64(kClosingStream));
  options.objective_key = "closing: cross-entropy, smoothing " +
                          significant(plan.config.label_smoothing, 17) + ", after " + distilled;
  return options;
}

losses::LossContext context_of(const train::TrainData& data, models::ImageModel& student) {
  const at::Tensor labels = train::labels_of(data);
  return {student.feature_dim(), 0,      static_cast<int64_t>(data.classes.size()),
          labels.size(0),        labels, at::Tensor(),
          at::Tensor(),          {}};
}

}  // namespace

void close_training(const Plan& plan, const OpenData& data, const std::string& distilled,
                    const RunFolder& folder, bool resume,
                    const std::function<void(const EpochMetrics&)>& on_epoch,
                    const Context& context, TrainedStudent& student) {
  const StateDict before = models::clone(models::state_of(*student.model));
  const train::TrainData read{&data.train, &data.val, plan.views.recipe,    data.spec, nullptr,
                              nullptr,     {},        data.manifest.classes};
  losses::Objective objective(closing_terms(plan), context_of(read, *student.model));
  const train::TrainOptions options = closing_options(plan, data, distilled);
  context.log.info("closing: " + std::to_string(options.epochs) + " epochs on the " +
                   std::to_string(data.train.size()) + " labelled images alone, AdamW at " +
                   significant(options.learning_rate, 3));
  train::TrainResult& result = student.result;
  const int64_t epochs_before = result.epochs;
  train::Trainer trainer(*student.model, objective, read, options, ranks_of(plan.config));
  const train::TrainResult closed = trainer.run(
      folder.closing_checkpoint(), resume,
      [&](EpochMetrics metrics) {
        metrics.epoch += epochs_before;
        metrics.phase = "closing";
        on_epoch(metrics);
      },
      context.log, context.stop);
  const bool has_val = data.val.size() > 0;
  student.closing = {.epochs = closed.epochs,
                     .images = data.train.size(),
                     .kept = !has_val || closed.val_accuracy >= result.val_accuracy,
                     .accuracy_before = result.val_accuracy,
                     .accuracy_after = closed.val_accuracy};
  if (has_val)
    context.log.info("closing: " + percent(closed.val_accuracy) + " on validation, before it " +
                     percent(result.val_accuracy) + ": " +
                     (student.closing->kept ? "kept" : "left out"));
  result.seconds += closed.seconds;
  if (student.closing->kept) {
    result.best_epoch = epochs_before + closed.best_epoch;
    result.val_accuracy = closed.val_accuracy;
  } else {
    models::copy_into(models::state_of(*student.model), before, "the distilled student");
  }
}

}  // namespace retort::run
