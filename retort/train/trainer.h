#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/losses/objective.h"
#include "retort/models/image_model.h"
#include "retort/train/batches.h"
#include "retort/train/evaluate.h"
#include "retort/train/gradient_sums.h"
#include "retort/train/optimizer.h"
#include "retort/train/position.h"
#include "retort/train/student_pass.h"
#include "retort/train/train_options.h"

namespace retort::train {

// The labels that losses see, by image id: [images] int64; negative where they see none.
at::Tensor labels_of(const TrainData& data);

struct TrainResult {
  int64_t epochs = 0;
  // The epoch whose weights are kept: the last one within a standard error of the best validation
  // accuracy, because a few dozen images rank epochs by chance and later epochs are better trained
  // (the one-standard-error rule of Breiman et al. 1984).
  int64_t best_epoch = 0;
  double val_accuracy = 0;       // percent, with the kept weights
  double images_per_second = 0;  // during training steps only
  double seconds = 0;            // over all sittings, with validation and checkpoints
};

// Trains the student on the objective and leaves the kept weights (TrainResult::best_epoch) in it.
// The result depends only on the data, the options and the initial weights: a run resumed from a
// checkpoint ends with the same bytes as an uninterrupted one (same machine, same threads). It
// trains on the student's device, and on a GPU the CPU renders the next batch meanwhile.
class Trainer {
 public:
  Trainer(models::ImageModel& student, losses::Objective& objective, const TrainData& data,
          const TrainOptions& options, Ranks& ranks = alone());

  // Writes `checkpoint` at least every checkpoint_seconds, on stop and at the end. With `resume` it
  // first reads the checkpoint, if there is one. Calls `on_epoch` after each epoch; when it
  // resumes, first for all earlier epochs. Throws Error when the loss or the gradient is not finite
  // (the last good checkpoint stays) and when the checkpoint is damaged or of another training;
  // Interrupted on stop, after it wrote a checkpoint.
  TrainResult run(const std::filesystem::path& checkpoint, bool resume,
                  const std::function<void(const EpochMetrics&)>& on_epoch, Log& log = null_log(),
                  const StopFlag& stop = never_stop());

 private:
  // The metrics of a step, on the student's device.
  struct StepMetrics {
    at::Tensor values;  // loss, gradient norm, correct, then the terms' losses
    int64_t epoch = 0, step = 0;
    double images = 0, labelled = 0;
    at::Tensor stops;  // whether a rank was asked to stop, for each image; undefined for one rank
  };
  struct WholeBatch {
    losses::StepView view;
    at::Tensor stops;
  };

  class Checkpoint;

  double learning_rate(int64_t step) const;
  double images_per_second() const;
  void train_epoch(Checkpoint& checkpoint, Meter& meter, const StopFlag& stop);
  void step(Batches::Batch batch, const StopFlag& stop);
  WholeBatch whole_batch(const Batches::Batch& batch, const models::Output& output,
                         const StopFlag& stop);
  bool must_stop(const StopFlag& stop) const;
  void settle();
  void end_epoch(const StopFlag& stop);
  void average_statistics();
  Score validation_score(const StopFlag& stop);
  void validate(EpochMetrics& metrics, const StopFlag& stop);
  void update_ema();
  void save(const std::filesystem::path& path) const;
  void load(const std::filesystem::path& path);
  void check_head(const StateDict& head, const std::string& where) const;

  models::ImageModel& student_;
  c10::Device device_;
  losses::Objective& objective_;
  TrainData data_;
  TrainOptions options_;
  Ranks& ranks_;
  Batches batches_;
  StudentPass pass_;
  GradientSums gradient_sums_;
  Optimizer optimizer_;
  Position position_;
  std::optional<StepMetrics> last_step_;
  bool stops_ = false;  // a rank was asked to stop, as of the last settled step
  StateDict ema_, best_;
};

}  // namespace retort::train
