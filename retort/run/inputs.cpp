#include "retort/run/inputs.h"

#include <optional>

#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/data/content.h"
#include "retort/data/extra.h"
#include "retort/hub/pull.h"
#include "retort/run/named_teacher.h"
#include "retort/run/zero_shot_classes.h"
#include "retort/version.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

// A snapshot's folder is named by its commit.
std::string weights_named(const std::string& name) {
  if (name.empty() || name == "none") return "";
  if (!hub::is_reference(name)) return data::file_hash(name);
  const std::optional<hub::Snapshot> found = hub::find(hub::parse_reference(name), hub::options_from_environment());
  return found ? found->folder.filename().string() + " " + data::file_hash(found->folder) : "not pulled yet";
}

}  // namespace

data::Manifest manifest_of(const RunConfig& config) {
  data::ManifestOptions splits{config.val_fraction, config.test_fraction, static_cast<uint64_t>(config.split_seed)};
  splits.own = {config.out, config.cache.empty() ? default_cache_dir() : fs::path(config.cache)};
  if (config.classes.empty()) return data::load_manifest(config.data, splits);
  return data::load_unlabelled(config.data, class_names(config.classes), splits);
}

Inputs inputs_of(const RunConfig& config, const data::Manifest& manifest, Log& log, const StopFlag& stop) {
  const fs::path cache = config.cache.empty() ? default_cache_dir() : fs::path(config.cache);
  Inputs inputs;
  inputs.version = kVersion;
  inputs.data = data::content_hash(manifest, cache, log, stop);
  if (!config.classes.empty()) inputs.data = hash_hex(inputs.data + data::file_hash(config.classes));
  for (const std::string& teacher : config.teacher) inputs.teachers.push_back(weights_named(teacher_from(teacher).name));
  inputs.student_weights = weights_named(config.student_weights);
  for (const std::string& extra : config.extra)
    inputs.extras.push_back(data::content_hash(data::load_extra(data::extra_from(extra).path, manifest.classes), cache, log, stop));
  return inputs;
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
