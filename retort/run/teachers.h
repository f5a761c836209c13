#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/models/precision.h"
#include "retort/run/config.h"
#include "retort/run/extra_sources.h"
#include "retort/teacher/joint.h"
#include "retort/teacher/linear_probe.h"

namespace retort::run {

// The teachers of one run: loaded, given their heads, shown what the student will see, and read as one.
class Teachers {
 public:
  // What they have of the run, which outlives them.
  struct Run {
    const RunConfig& config;
    const std::filesystem::path& cache;
    c10::Device device;
    models::Precision precision;
    Log& log;
    const StopFlag& stop;
    std::function<data::ImageStore(data::Split, const data::Preparation&)> open;  // images of a split
  };
  // Those of the config, which may be none. Zero-shot ones read the names of the classes, and have their heads from then on.
  Teachers(Run run, const std::vector<std::string>& classes);

  bool none() const { return teachers_.empty(); }
  std::vector<teacher::Teacher>& all() { return teachers_; }

  // What the teachers are still to look at, live views of a whole training among it; in bytes on disk, and seconds at a speed that is
  // measured.
  struct Looks {
    int64_t images = 0, bytes = 0;
    double seconds = 0;
  };
  // `evaluated`: images that each teacher is tested on besides.
  Looks missing(const data::ImageStore& train, const std::vector<ExtraSource>& extras, int64_t evaluated);

  // What zero-shot teachers call the images of validation: `name` is told of each item and its class.
  void label_validation(const std::function<void(int64_t item, int64_t label)>& name);

  // Shows them every view and puts the extras' outputs in their places, fits or keeps heads, and measures how good they are: summary.json's
  // "teacher".
  nlohmann::json fit(const data::ImageStore& train, std::vector<ExtraSource>& extras);

  // Of all of them together, once fitted; else null.
  const teacher::JointHead* head() const { return head_ ? &*head_ : nullptr; }
  const teacher::JointOutputs* outputs() const { return outputs_ ? &*outputs_ : nullptr; }

 private:
  using Pair = std::array<at::Tensor, 2>;  // on validation and test images

  teacher::OutputStore::Options store_options(const teacher::Teacher& teacher, const data::ImageStore& images, int64_t times_seen,
                                              int64_t all_images) const;
  nlohmann::json fit_one(size_t number, const data::ImageStore& train, Pair& logits, Pair& labels);
  teacher::LinearHead fit_probe(size_t number, const data::ImageStore& train, const teacher::FeatureParts& val_features,
                                const at::Tensor& val_labels);
  teacher::FeatureParts evaluated(teacher::Teacher& teacher, const data::ImageStore& images, const char* what);
  void say_accuracy(const std::string& who, const nlohmann::json& out);

  Run run_;
  std::vector<std::string> classes_;
  std::vector<teacher::Teacher> teachers_;
  std::vector<double> weights_;  // of each; they add up to 1
  std::optional<teacher::JointOutputs> outputs_;
  std::optional<teacher::JointHead> head_;
};

// {"parameters", "multiply_adds", "milliseconds"} of a network on images of this size.
nlohmann::json cost_of(models::ImageModel& model, int64_t size);

}  // namespace retort::run
