#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "retort/data/view.h"
#include "retort/run/choices.h"

namespace retort::run {

struct Objects;

// The options as the user gave them. Field names are the option names of `retort distill` with
// underscores; options.h lists each one once. Zeros and empty texts mean "choose"; resolve()
// (plan.h) makes the choices.
struct RunConfig {
  std::string data, student = "mobilenet_v2", student_weights, student_features = "features", out;
  bool tensorboard = false;
  std::vector<std::string> teacher;  // each as named_teacher.h reads it
  std::string classes;               // file of class names, where --data has no labels
  std::vector<std::string> prompt;   // for --teacher-head zero-shot
  std::string teacher_arch, teacher_features, teacher_mean, teacher_std;
  TeacherHead teacher_head = TeacherHead::probe;
  TeacherInit teacher_init = TeacherInit::linear_probe;
  int64_t teacher_size = 0, teacher_epochs = 20;
  double teacher_lr = 0;

  int64_t image_size = 0;
  int64_t epochs = 0, batch_size = 0;
  double hours = 0;
  static constexpr int64_t kByRule = -1;
  int64_t closing_epochs = 0;
  double closing_lr = 0;
  double lr = 0, weight_decay = 0.05, warmup = 0.05, clip_norm = 5, ema = 0, head_lr_factor = 1;
  int64_t seed = 0, threads = 0;
  std::string device = "cpu";
  PrecisionKind precision = PrecisionKind::automatic;
  train::Schedule schedule = train::Schedule::linear;
  OptimizerKind optimizer = OptimizerKind::automatic;
  StartKind init = StartKind::silent;

  int64_t views = 0, view_seed = 0, store_budget = 8192;
  MoreViews more_views = MoreViews::repeat;
  ImageStoreKind image_store = ImageStoreKind::automatic;
  data::ViewRecipe view;

  LossName loss = "align_uniform", logit_loss = "kd";
  // kOwn means the loss's own default, which absolute() fills in.
  static constexpr double kOwn = -1;
  double label_weight = 1, loss_weight = kOwn, logit_weight = kOwn, temperature = 0,
         label_smoothing = 0;
  std::vector<std::string> loss_option, logit_option;

  std::vector<std::string> extra;
  int64_t select = 0;
  TrustedLabels labels = TrustedLabels::real;
  ExtraLosses extra_losses = ExtraLosses::all;
  double val_fraction = 0.1, test_fraction = 0.2;
  int64_t split_seed = 0;
  double max_skipped = 0.05, checkpoint_seconds = 30;
  bool dedupe = false;
  std::string cache;

  // Not an option: what a calling program passes besides the options (objects.h).
  std::shared_ptr<const Objects> objects;
};

// All options as TOML; `retort distill --config` reads it back.
std::string to_toml(const RunConfig& config);

// The config with the epochs that are meant, every kOwn replaced by the loss's own weight, and
// absolute paths.
RunConfig absolute(RunConfig config);

// A named set of options and their values, which apply where neither command line nor config file
// sets them. "paper": the training of Farhat & Chen (2024). "patient": function matching (Beyer et
// al. 2021), for long runs. Throws UsageError, listing the names, on an unknown name.
std::vector<std::pair<std::string, std::string>> recipe(const std::string& name);

// Throws UsageError where both --hours and --epochs are given.
void check_hours(const RunConfig& config);

// Throws UsageError on errors that ranges do not cover: unknown names, a smallest crop above the
// largest, a missing data set.
void validate(const RunConfig& config);

}  // namespace retort::run
