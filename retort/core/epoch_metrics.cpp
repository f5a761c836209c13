#include "retort/core/epoch_metrics.h"

namespace retort {
namespace {

void put(nlohmann::json& json, const char* name, const std::optional<double>& value) {
  if (value) json[name] = *value;
}

std::optional<double> taken(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() ? std::nullopt : std::optional(found->get<double>());
}

}  // namespace

void to_json(nlohmann::json& json, const EpochMetrics& metrics) {
  json = {{"epoch", metrics.epoch},
          {"step", metrics.step},
          {"train_loss", metrics.train_loss},
          {"lr", metrics.learning_rate},
          {"images_per_second", metrics.images_per_second}};
  if (!metrics.terms.empty()) json["terms"] = metrics.terms;
  put(json, "train_accuracy", metrics.train_accuracy);
  put(json, "val_accuracy", metrics.val_accuracy);
  put(json, "val_loss", metrics.val_loss);
  if (!metrics.phase.empty()) json["phase"] = metrics.phase;
}

void from_json(const nlohmann::json& json, EpochMetrics& metrics) {
  metrics = {};
  json.at("epoch").get_to(metrics.epoch);
  json.at("step").get_to(metrics.step);
  json.at("train_loss").get_to(metrics.train_loss);
  json.at("lr").get_to(metrics.learning_rate);
  json.at("images_per_second").get_to(metrics.images_per_second);
  metrics.terms = json.value("terms", metrics.terms);
  metrics.train_accuracy = taken(json, "train_accuracy");
  metrics.val_accuracy = taken(json, "val_accuracy");
  metrics.val_loss = taken(json, "val_loss");
  metrics.phase = json.value("phase", metrics.phase);
}

}  // namespace retort
