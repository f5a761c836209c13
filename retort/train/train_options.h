#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "retort/core/field_count.h"
#include "retort/data/image_store.h"
#include "retort/data/input_spec.h"
#include "retort/data/view.h"
#include "retort/models/image_model.h"
#include "retort/models/precision.h"
#include "retort/teacher/joint.h"
#include "retort/train/batches.h"
#include "retort/train/schedule.h"

namespace retort::train {

struct TrainOptions {
  int64_t epochs = 40;
  int64_t batch_size = 64;
  double learning_rate = 1e-3;  // peak
  double weight_decay = 0.01;
  bool muon = false;     // see Optimizer::Options
  double warmup = 0.05;  // share of all steps
  Schedule schedule = Schedule::linear;
  double head_rate = 1;    // the student's classifier learns at this many times the rate
  double clip_norm = 5.0;  // joint L2 norm of the gradients; 0: no limit
  double ema_decay = 0;  // decay of the moving average of weights and running statistics, which is
                         // then validated and kept; 0: none
  models::Precision precision = models::Precision::fp32;
  uint64_t seed = 0;  // for the order of images
  uint64_t view_seed = 0;
  int64_t views = 0;          // view numbers count modulo this; 0: a new view every epoch
  std::string objective_key;  // identifies the objective
  double checkpoint_seconds = 30;
};

// The options that decide the result, with their names in a checkpoint's fingerprint: all except
// checkpoint_seconds.
inline constexpr std::tuple kDeciding{
    std::pair{"epochs", &TrainOptions::epochs},
    std::pair{"batch_size", &TrainOptions::batch_size},
    std::pair{"lr", &TrainOptions::learning_rate},
    std::pair{"weight_decay", &TrainOptions::weight_decay},
    std::pair{"muon", &TrainOptions::muon},
    std::pair{"warmup", &TrainOptions::warmup},
    std::pair{"schedule", &TrainOptions::schedule},
    std::pair{"head_rate", &TrainOptions::head_rate},
    std::pair{"clip_norm", &TrainOptions::clip_norm},
    std::pair{"ema_decay", &TrainOptions::ema_decay},
    std::pair{"precision", &TrainOptions::precision},
    std::pair{"seed", &TrainOptions::seed},
    std::pair{"view_seed", &TrainOptions::view_seed},
    std::pair{"views", &TrainOptions::views},
    std::pair{"objective", &TrainOptions::objective_key},
};
static_assert(std::tuple_size_v<decltype(kDeciding)> + 1 == field_count<TrainOptions>(),
              "an option that was added has no row in kDeciding");

// Calls visitor(name, field) for each deciding option.
template <typename Options, typename Visitor>
void visit_deciding(Options& options, Visitor&& visitor) {
  std::apply([&](const auto&... row) { (visitor(row.first, options.*row.second), ...); },
             kDeciding);
}

// The data of a training. Teacher and outputs are null where there is no teacher.
struct TrainData {
  const data::ImageStore* train = nullptr;
  const data::ImageStore* val =
      nullptr;  // made for `spec`; null or empty: the last weights are kept
  data::ViewRecipe recipe;
  data::InputSpec spec;
  const teacher::JointHead* teacher = nullptr;
  const teacher::JointOutputs* outputs = nullptr;
  std::vector<Source> extras;        // in every batch, besides the data set's own images
  std::vector<std::string> classes;  // by label
};

// Identifies a checkpoint: training resumes only where this is the same. It covers all deciding
// options, data, classes and teachers, except the values of the teacher's head, which are in the
// checkpoint.
std::string fingerprint(const TrainOptions& options, const TrainData& data,
                        const models::ModelSpec& student);

}  // namespace retort::train
