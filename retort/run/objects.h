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

// A network that is an object of the calling program, and is in no file.
struct GivenNetwork {
  std::string key;  // equal keys mean the same network with the same weights
  // The classes of its own classifier, in the order of its outputs, where they are known.
  std::optional<std::vector<std::string>> classes;
  // As a teacher: returns the object itself.
  std::function<models::ModelPtr()> teacher;
  // As a student: returns a copy with the object's weights and a classifier for this many classes.
  std::function<models::ModelPtr(int64_t classes)> student;
  // Writes a trained student as ONNX where deploy::write_onnx cannot.
  std::function<void(const std::filesystem::path&, models::ImageModel&,
                     const std::vector<std::string>& classes, const data::InputSpec&)>
      write_onnx;
};

// What the calling program passes to a run besides its options, which are texts and numbers.
struct Objects {
  std::map<std::string, GivenNetwork> networks;  // by the names that --teacher and --student use
  std::function<void(const EpochMetrics&)> on_epoch;  // called after each epoch of the student
  std::shared_ptr<Ranks> ranks;  // the ranks that train it together; null for one process
};

// The ranks that carry out a run together.
Ranks& ranks_of(const RunConfig& config);

// Whether a teacher's or a student's name is that of an object: object:NAME.
inline bool names_object(const std::string& name) { return models::is_object({name, 1, {}}); }
// Throws UsageError where the object is missing, because another program made the config.
const GivenNetwork& given_network(const RunConfig& config, const std::string& name);

}  // namespace retort::run
