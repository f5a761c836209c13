#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/extra.h"
#include "retort/data/manifest.h"
#include "retort/data/view.h"
#include "retort/losses/objective.h"
#include "retort/models/precision.h"
#include "retort/run/config.h"
#include "retort/run/named_teacher.h"
#include "retort/train/train_options.h"

namespace retort::run {

// What a run will do. Nothing in it needs parsing, and no number means "choose": a choice that
// depends on the images is an empty optional, and one of the functions below makes it.

struct GivenNetwork;

struct DataPlan {
  std::string path;
  std::string classes_file;  // file of class names, where the images have no labels; else empty
  data::ManifestOptions splits;
  double max_skipped = 0;  // share of the files that may fail to decode
  bool dedupe = false;     // leave out training images with an exact copy in validation or test
  ImageStoreKind store = ImageStoreKind::automatic;
  std::vector<data::Extra> extras;
  std::optional<int64_t> select;  // this many of each extra, those nearest to the task
  bool trusts_extra_labels = false;
  bool extras_have_logits = true;  // false: extras are for the embedding loss alone

  bool unlabelled() const { return !classes_file.empty(); }
};

struct ViewsPlan {
  data::ViewRecipe recipe;
  uint64_t seed = 0;
  std::optional<int64_t> stored;  // views of each image whose outputs are stored: stored_views()
  bool live_beyond =
      false;  // later epochs use new views, for which the teacher runs during training
  uint64_t store_bytes = 0;  // on disk
};

struct TeachersPlan {
  std::vector<NamedTeacher> teachers;  // empty: the student is trained on labels alone
  std::string arch, features;          // empty: as the weights say
  std::optional<std::array<float, 3>> mean, std;
  TeacherHead head = TeacherHead::probe;
  TeacherInit init = TeacherInit::linear_probe;
  int64_t epochs = 0;                   // of the teachers' own training
  std::optional<double> learning_rate;  // of this training; empty: teacher_plan() chooses
  std::vector<std::string> prompts;     // for a zero-shot head

  bool none() const { return teachers.empty(); }
  bool trained_first() const { return !none() && init != TeacherInit::linear_probe; }
  bool zero_shot() const { return head == TeacherHead::zero_shot; }
};

struct StudentPlan {
  std::string name;      // an architecture, or the file of the user's own network
  std::string features;  // of the user's own network
  std::string weights;   // pre-trained weights; empty: random
  std::optional<int64_t> image_size;
  bool silent_start = true;
  const GivenNetwork* object = nullptr;  // the network of config.objects; or null

  bool own_network() const;
  std::string title() const;  // the architecture, or the file's name
};

struct TrainingPlan {
  // Complete except for batch_size, learning_rate and views, which depend on the images:
  // options_for(). With hours the epochs are 1 until they are chosen (hours.h).
  train::TrainOptions options;
  std::optional<double> hours;          // limit for the whole run
  int64_t closing_epochs = 0;           // on the labelled images alone, after distillation
  std::optional<double> closing_rate;   // closing_rate_for()
  std::optional<int64_t> batch_size;    // batch_size_for()
  std::optional<double> learning_rate;  // learning_rate_for()
  bool pretrained = false;
  std::vector<losses::TermConfig> terms;
};

struct Plan {
  RunConfig config;  // the config that it was made from, with absolute paths: the run's config.toml
  std::filesystem::path out, cache;
  c10::Device device = c10::kCPU;
  std::optional<int> threads;  // empty: as many as the process may use
  models::Precision precision = models::Precision::fp32,
                    teacher_precision = models::Precision::fp32;
  DataPlan data;
  ViewsPlan views;
  TeachersPlan teachers;
  StudentPlan student;
  TrainingPlan training;
};

// Makes a plan. Throws UsageError on a config that cannot be meant, Error where the device is
// missing.
Plan resolve(const RunConfig& config);

// The epochs of a config: those that it names, or the default.
int64_t epochs_of(const RunConfig& config);

// The images of a step, for this many images an epoch. A run with few steps gets smaller batches,
// because steps are then the bottleneck (docs/results.md).
int64_t batch_size_for(const TrainingPlan& plan, int64_t images);

// The peak rate for this many different images. Measured in docs/results.md.
double learning_rate_for(const TrainingPlan& plan, int64_t images);

// The peak rate of the closing phase, for a distillation on this many different images.
double closing_rate_for(const TrainingPlan& plan, int64_t images);

// The images of an epoch divided by those of the data set: 1, and more with extras.
double epoch_growth(const RunConfig& config);

// The epochs of the closing phase after this many others: as the config says, or by the rule that
// --help states. The phase pays off after training on extras, so that the rule gives none without
// them.
int64_t closing_epochs_of(const RunConfig& config, int64_t epochs);

// The trainer's options, for this many images an epoch, this many different ones, and this many
// views with a teacher's outputs (0: no teacher).
train::TrainOptions options_for(const TrainingPlan& plan, int64_t images, int64_t different_images,
                                int64_t views);

// The number of views of each image whose outputs are stored, for this many images, each of which
// is seen this often.
int64_t stored_views(const ViewsPlan& plan, int64_t images, int64_t times_seen);

}  // namespace retort::run
