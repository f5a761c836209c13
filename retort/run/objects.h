#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/epoch_metrics.h"
#include "retort/core/ranks.h"
#include "retort/models/image_model.h"
#include "retort/run/config.h"

namespace retort::run {

// A network that is an object of the program that calls the library, and stands in no file.
struct GivenNetwork {
  std::string key;  // equal keys: the same network with the same weights
  // Of its own classifier, in the order of its outputs, where their names are known.
  std::optional<std::vector<std::string>> classes;
  // As a teacher: the object itself.
  std::function<models::ModelPtr()> teacher;
  // As a student: a copy that starts from the object's weights, with a classifier for so many
  // classes.
  std::function<models::ModelPtr(int64_t classes)> student;
  // Writes a trained student as ONNX where deploy::write_onnx cannot.
  std::function<void(const std::filesystem::path&, models::ImageModel&,
                     const std::vector<std::string>& classes, const data::InputSpec&)>
      write_onnx;
};

// What such a program gives a run beside its options, which are texts and numbers.
struct Objects {
  std::map<std::string, GivenNetwork> networks;       // by what --teacher and --student call them
  std::function<void(const EpochMetrics&)> on_epoch;  // after each epoch of the student
  std::shared_ptr<Ranks> ranks;                       // that train it together; null: alone
};

// The processes that carry out a run together.
Ranks& ranks_of(const RunConfig& config);

// Whether a teacher or a student is called as objects are: object:NAME.
inline bool names_object(const std::string& name) { return models::is_object({name, 1, {}}); }
// Throws UsageError where the config was made by another program, whose object is not here.
const GivenNetwork& given_network(const RunConfig& config, const std::string& name);

}  // namespace retort::run
