#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/data/image_store.h"
#include "retort/run/inputs.h"

namespace retort::run {

// A network, its cost for one image, and its accuracy. Accuracies are in percent, and empty where a
// split has no images.
struct NetworkSummary {
  std::string arch;
  int64_t image_size = 0;
  int64_t parameters = 0, multiply_adds = 0;
  double milliseconds = 0;
  std::optional<double> val_accuracy, test_accuracy, test_mean_class_accuracy;
};

struct TeacherSummary : NetworkSummary {
  double weight = 1;                    // relative to other teachers
  int64_t views = 0, stored_views = 0;  // of each image that has outputs
  std::optional<double> head_l2;        // of a fitted head
  std::vector<TeacherSummary> members;  // of several teachers together
};

// The weights that a student starts from.
inline constexpr const char *kRandomWeights = "random", *kPreTrained = "pre-trained",
                            *kOwnWeights = "own";

struct StudentSummary : NetworkSummary {
  std::string start = kRandomWeights;
  int64_t best_epoch = 0;  // the epoch whose weights were kept

  bool pre_trained() const { return start == kPreTrained; }
};

// Wall-clock seconds, each counted once; training over all sittings of a resumed run.
struct RunSeconds {
  double data = 0;        // listing, decoding, loading teachers
  double forecast = 0;    // measuring
  double teacher = 0;     // training teachers, storing their outputs, fitting heads
  double training = 0;    // of the student
  double evaluation = 0;  // testing and exporting it
  double total() const { return data + forecast + teacher + training + evaluation; }
};

// The closing phase of a run (closing.h). Accuracies are on validation, and 0 without validation
// images.
struct ClosingSummary {
  int64_t epochs = 0, images = 0;  // in an epoch
  bool kept = false;               // false: the student has the weights of distillation
  double accuracy_before = 0, accuracy_after = 0;
};

// A folder of --extra.
struct ExtraSummary {
  std::string path;
  double ratio = 1;
  int64_t images = 0, used = 0;
  bool labels = false;
  double share = 0;               // of the images that the student sees
  std::vector<int64_t> selected;  // number of pictures of each class by --select; empty: all
};

struct DataSummary {
  std::string path;
  bool labelled_by_teacher = false;
  data::ManifestOptions splits;
  double max_skipped = 0.05;
  int64_t classes = 0, train = 0, val = 0, test = 0;
};

// The contents of a finished run's summary.json.
struct RunSummary {
  std::string version;
  Inputs inputs;
  DataSummary data;
  std::vector<ExtraSummary> extras;
  std::optional<TeacherSummary> teacher;
  StudentSummary student;
  std::optional<ClosingSummary> closing;
  RunSeconds seconds;
  int64_t epochs = 0, image_steps = 0;
  double images_per_second = 0;
  int64_t seed = 0, threads = 0;
  std::string device, precision;
  std::vector<data::SkippedFile> skipped;
  nlohmann::json forecast;  // to_json of a Forecast, with "taken_seconds"; or null
};

nlohmann::json to_json(const TeacherSummary& teacher);
nlohmann::json to_json(const RunSummary& summary);
// Throws Error, naming the file, where an entry is missing or of another type.
RunSummary summary_from(const nlohmann::json& json, const std::string& file);

nlohmann::json to_json(const std::vector<data::SkippedFile>& skipped);

}  // namespace retort::run
