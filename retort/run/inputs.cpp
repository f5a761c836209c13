#include "retort/run/inputs.h"

#include <optional>

#include "retort/core/hash.h"
#include "retort/data/content.h"
#include "retort/data/extra.h"
#include "retort/hub/pull.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/weight_source.h"
#include "retort/run/objects.h"
#include "retort/version.h"

namespace retort::run {
namespace {

constexpr const char* kNotPulled = "not pulled yet";

// The hash of weights. The folder of a hub's snapshot has the commit as its name.
std::string weights_named(const Plan& plan, const std::string& name) {
  if (name.empty()) return "";
  if (names_object(name)) return given_network(plan.config, name).key;
  std::error_code ignored;
  if (models::names_graph(name) && std::filesystem::exists(name, ignored))
    return models::graph_hash(name);
  if (!hub::is_reference(name)) {
    const auto& [path, set] = models::weight_path(name);
    return (set.empty() ? "" : set + " ") + data::file_hash(path);
  }
  const std::optional<hub::Snapshot> found =
      hub::find(hub::parse_reference(name), hub::options_from_environment());
  return found ? found->folder.filename().string() + " " + data::file_hash(found->folder)
               : kNotPulled;
}

}  // namespace

Inputs inputs_of(const Plan& plan, const ListedData& data, const Context& context) {
  Inputs inputs;
  inputs.version = kVersion;
  inputs.data = data::content_hash(data.manifest, data.hashes);
  if (plan.data.unlabelled())
    inputs.data = hash_hex(inputs.data + data::file_hash(plan.data.classes_file));
  for (const NamedTeacher& teacher : plan.teachers.teachers)
    inputs.teachers.push_back(weights_named(plan, teacher.name));
  inputs.student_weights =
      weights_named(plan, plan.student.own_network() ? plan.student.name : plan.student.weights);
  for (const data::Extra& extra : plan.data.extras)
    inputs.extras.push_back(data::content_hash(data::load_extra(extra.path, data.manifest.classes),
                                               plan.cache, context.log, context.stop));
  return inputs;
}

const ListedData& Sources::data(const Context& context) {
  if (!data_) data_ = list_data(plan_, context);
  return *data_;
}

const Inputs& Sources::inputs(const Context& context) {
  if (!inputs_) inputs_ = inputs_of(plan_, data(context), context);
  return *inputs_;
}

const Inputs& Sources::inputs_after_pull(const Context& context) {
  if (!inputs_) return inputs(context);
  for (size_t i = 0; i < inputs_->teachers.size(); ++i)
    if (inputs_->teachers[i] == kNotPulled)
      inputs_->teachers[i] = weights_named(plan_, plan_.teachers.teachers[i].name);
  if (inputs_->student_weights == kNotPulled)
    inputs_->student_weights = weights_named(plan_, plan_.student.weights);
  return *inputs_;
}

std::string differences(const Inputs& before, const Inputs& now) {
  std::string text;
  const auto add = [&](bool differs, const char* what) {
    if (differs) text += (text.empty() ? "" : ", ") + std::string(what);
  };
  add(before.version != now.version, "retort's version");
  add(before.data != now.data, "the data");
  add(before.teachers != now.teachers, "the teacher");
  add(before.student_weights != now.student_weights, "the student's first weights");
  add(before.extras != now.extras, "the extra images");
  return text;
}

nlohmann::json to_json(const Inputs& inputs) {
  return {{"version", inputs.version},
          {"data", inputs.data},
          {"teachers", inputs.teachers},
          {"student_weights", inputs.student_weights},
          {"extras", inputs.extras}};
}

Inputs inputs_from(const nlohmann::json& json) {
  Inputs inputs;
  try {
    json.at("version").get_to(inputs.version);
    json.at("data").get_to(inputs.data);
    json.at("teachers").get_to(inputs.teachers);
    json.at("student_weights").get_to(inputs.student_weights);
    json.at("extras").get_to(inputs.extras);
  } catch (const nlohmann::json::exception&) {
    inputs.version = "unknown";
  }
  return inputs;
}

}  // namespace retort::run
