#pragma once

#include <cstdint>
#include <string>
#include <vector>

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
  double ema_decay = 0;    // of the moving average of weights and running statistics, which is
                           // validated and kept; 0: none
  models::Precision precision = models::Precision::fp32;
  uint64_t seed = 0;  // of the order of images
  uint64_t view_seed = 0;
  int64_t views = 0;          // the view number counts modulo this; 0: a fresh view every epoch
  std::string objective_key;  // names the objective
  double checkpoint_seconds = 30;
};

// Calls visitor(name, field) for every option that decides the result: all but checkpoint_seconds.
template <typename Options, typename Visitor>
void visit_deciding(Options& o, Visitor&& visitor) {
  visitor("epochs", o.epochs);
  visitor("batch_size", o.batch_size);
  visitor("lr", o.learning_rate);
  visitor("weight_decay", o.weight_decay);
  visitor("muon", o.muon);
  visitor("warmup", o.warmup);
  visitor("schedule", o.schedule);
  visitor("head_rate", o.head_rate);
  visitor("clip_norm", o.clip_norm);
  visitor("ema_decay", o.ema_decay);
  visitor("precision", o.precision);
  visitor("seed", o.seed);
  visitor("view_seed", o.view_seed);
  visitor("views", o.views);
  visitor("objective", o.objective_key);
}

// What training reads. The teacher and its outputs are absent where there is none.
struct TrainData {
  const data::ImageStore* train = nullptr;
  const data::ImageStore* val =
      nullptr;  // made for `spec`; may be empty: then the last weights are kept
  data::ViewRecipe recipe;
  data::InputSpec spec;
  const teacher::JointHead* teacher = nullptr;
  const teacher::JointOutputs* outputs = nullptr;
  std::vector<Source> extras;        // in every batch beside the data set's own images
  std::vector<std::string> classes;  // by label
};

// What a checkpoint depends on: training goes on from it only where this is the same. It names all
// of the options, data, classes and teachers, but for the values of the teacher's head, which lie
// in the checkpoint itself.
std::string fingerprint(const TrainOptions& options, const TrainData& data,
                        const models::ModelSpec& student);

}  // namespace retort::train
