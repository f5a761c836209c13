#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace retort {

// The metrics of one epoch, which are a line of metrics.jsonl. Accuracies are in percent.
struct EpochMetrics {
  int64_t epoch = 0, step = 0;                       // how many epochs and steps are done
  double train_loss = 0;                             // mean over the epoch's images
  std::optional<double> train_accuracy{};            // of the images that have labels, if any has
  std::map<std::string, double> terms{};             // each loss's own mean, unweighted
  double learning_rate = 0;                          // of the last step
  double images_per_second = 0;                      // of all training steps so far
  std::optional<double> val_accuracy{}, val_loss{};  // absent where no images validate
  std::string phase{};                               // "closing", or empty: the training itself
};

// Conversions that nlohmann::json calls; from_json throws nlohmann's exceptions.
void to_json(nlohmann::json& json, const EpochMetrics& metrics);
void from_json(const nlohmann::json& json, EpochMetrics& metrics);

}  // namespace retort
