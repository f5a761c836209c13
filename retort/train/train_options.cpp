#include "retort/train/train_options.h"

#include <nlohmann/json.hpp>

#include "retort/core/hash.h"
#include "retort/core/safetensors.h"

namespace retort::train {
namespace {

nlohmann::json value_of(Schedule schedule) { return word_of(schedule); }
nlohmann::json value_of(models::Precision precision) { return models::to_string(precision); }
template <typename Value>
nlohmann::json value_of(const Value& value) {
  return value;
}

// Names the images and their labels.
std::string name_of(const data::ImageStore* images) {
  if (images == nullptr) return "";
  return Hasher().text(images->key()).bytes(bytes_of(data::labels_of(*images))).hex();
}

}  // namespace

std::string fingerprint(const TrainOptions& options, const TrainData& data,
                        const models::ModelSpec& student) {
  static_assert(field_count<TrainData>() == 8, "what was added to the data is not named below");
  nlohmann::json json;
  visit_deciding(options,
                 [&](const char* name, const auto& field) { json[name] = value_of(field); });
  json["student"] = models::to_json(student);
  json["train"] = name_of(data.train);
  json["val"] = name_of(data.val);
  json["recipe"] = data.recipe.key();
  json["input"] = data::to_json(data.spec);
  json["teacher"] = data.teacher == nullptr ? "" : data.teacher->key;
  json["outputs"] = data.outputs == nullptr ? 0 : data.outputs->views();
  json["extras"] = nlohmann::json::array();
  for (const Source& extra : data.extras)
    json["extras"].push_back({{"data", name_of(extra.images)},
                              {"each_epoch", extra.each_epoch},
                              {"labelled", extra.labelled},
                              {"logits", extra.logits}});
  // Class names need not be UTF-8, and their number is part of the student.
  Hasher classes;
  for (const std::string& name : data.classes) classes.text(name);
  json["classes"] = classes.hex();
  return json.dump();
}

}  // namespace retort::train
