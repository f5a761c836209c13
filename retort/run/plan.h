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

// What a run will do. Nothing in it is left to parse, and no number stands for a choice: what is
// still to be chosen, because it depends on the images, is an empty optional, and one function
// below says what it becomes.

struct GivenNetwork;

struct DataPlan {
  std::string path;
  std::string classes_file;  // names of classes, where the images have no labels; else empty
  data::ManifestOptions splits;
  double max_skipped = 0;  // share of the files that may fail to decode
  bool dedupe = false;     // training images with an exact copy in validation or test are left out
  ImageStoreKind store = ImageStoreKind::automatic;
  std::vector<data::Extra> extras;
  std::optional<int64_t> select;  // so many pictures of each, those nearest to the task
  bool trusts_extra_labels = false;
  bool extras_have_logits = true;  // else they are for the embedding loss alone

  bool unlabelled() const { return !classes_file.empty(); }
};

struct ViewsPlan {
  data::ViewRecipe recipe;
  uint64_t seed = 0;
  std::optional<int64_t> stored;  // of each image, with the teacher's outputs: stored_views()
  bool live_beyond =
      false;  // later epochs see fresh views, which the teacher sees as training goes
  uint64_t store_bytes = 0;  // on disk
};

struct TeachersPlan {
  std::vector<NamedTeacher> teachers;  // none: the student is trained on labels alone
  std::string arch, features;          // empty: as the weights say
  std::optional<std::array<float, 3>> mean, std;
  TeacherHead head = TeacherHead::probe;
  TeacherInit init = TeacherInit::linear_probe;
  int64_t epochs = 0;                   // of a training of theirs
  std::optional<double> learning_rate;  // of the same; nothing: teacher_plan() chooses
  std::vector<std::string> prompts;     // of a zero-shot head

  bool none() const { return teachers.empty(); }
  bool trained_first() const { return !none() && init != TeacherInit::linear_probe; }
  bool zero_shot() const { return head == TeacherHead::zero_shot; }
};

struct StudentPlan {
  std::string name;      // an architecture, or the file of a network of the user's own
  std::string features;  // of such a network
  std::string weights;   // pre-trained ones; empty: random
  std::optional<int64_t> image_size;
  bool silent_start = true;
  const GivenNetwork* object = nullptr;  // a network of config.objects; or null

  bool own_network() const;
  std::string title() const;  // the architecture, or the file's name
};

struct TrainingPlan {
  // All but batch_size, learning_rate and views, which depend on the images: options_for(). Where
  // there are hours, the epochs are 1 until they are chosen (hours.h).
  train::TrainOptions options;
  std::optional<double> hours;          // that the whole run may take
  int64_t closing_epochs = 0;           // on the labelled images alone, after the others
  std::optional<double> closing_rate;   // closing_rate_for()
  std::optional<int64_t> batch_size;    // batch_size_for()
  std::optional<double> learning_rate;  // learning_rate_for()
  bool pretrained = false;
  std::vector<losses::TermConfig> terms;
};

struct Plan {
  RunConfig config;  // what it was made from, with absolute paths: the run's config.toml
  std::filesystem::path out, cache;
  c10::Device device = c10::kCPU;
  std::optional<int> threads;  // nothing: as many as the process may use
  models::Precision precision = models::Precision::fp32,
                    teacher_precision = models::Precision::fp32;
  DataPlan data;
  ViewsPlan views;
  TeachersPlan teachers;
  StudentPlan student;
  TrainingPlan training;
};

// Throws UsageError on a config that cannot be meant, Error where the device is not there.
Plan resolve(const RunConfig& config);

// The epochs of a config that names no hours, or what stands for them.
int64_t epochs_of(const RunConfig& config);

// Images a step, of so many an epoch. Where steps are few they are the bottleneck
// (docs/results.md).
int64_t batch_size_for(const TrainingPlan& plan, int64_t images);

// The peak rate for a set of so many different images. Measured in docs/results.md.
double learning_rate_for(const TrainingPlan& plan, int64_t images);

// The peak rate of the closing phase, for a distillation on so many different images.
double closing_rate_for(const TrainingPlan& plan, int64_t images);

// Images of an epoch for each of the data set's own: 1, and what its extras add.
double epoch_growth(const RunConfig& config);

// Epochs of the closing phase after so many others: as the config says, or by the rule that --help
// states. A pile is what makes it worth having, so there is none by rule without one.
int64_t closing_epochs_of(const RunConfig& config, int64_t epochs);

// What the trainer is told: of so many images an epoch, so many of them different, of which a
// teacher has so many views stored (0: there is no teacher).
train::TrainOptions options_for(const TrainingPlan& plan, int64_t images, int64_t different_images,
                                int64_t views);

// Views of each image that a teacher's outputs are stored for, of so many images, each seen so
// often.
int64_t stored_views(const ViewsPlan& plan, int64_t images, int64_t times_seen);

}  // namespace retort::run
