#include "retort/run/run_folder.h"

#include <ctime>
#include <sstream>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/safetensors.h"
#include "retort/models/programs/torchscript.h"
#include "retort/models/registry.h"
#include "retort/models/weight_source.h"

namespace retort::run {
namespace fs = std::filesystem;

FileLog::FileLog(const fs::path& path, Log& next, bool append)
    : file_(path, append ? std::ios::app : std::ios::trunc), next_(next) {
  if (!file_) throw Error("cannot be written", path.string(), "check the folder's permissions");
}

void FileLog::write(const std::string& message) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ ", &utc);
  file_ << stamp << printable_message(message) << std::endl;
}

void FileLog::info(const std::string& message) {
  write(message);
  next_.info(message);
}

void FileLog::warn(const std::string& message) {
  write("warning: " + message);
  next_.warn(message);
}

void save_student(const fs::path& path, const Student& student) {
  models::ModelSpec spec = student.model->spec();
  if (const auto script = std::dynamic_pointer_cast<models::ScriptNetwork>(student.model)) {
    script->save_network(path.parent_path() / RunFolder::kNetwork);
    spec.options["file"] = RunFolder::kNetwork;
  }
  write_safetensors(path, models::state_of(*student.model),
                    {{"format", "pt"},  // transformers requires this of a safetensors file
                     {models::kSpecKey, models::to_json(spec).dump()},
                     {"classes", nlohmann::json(student.classes).dump()},
                     {"preprocess", data::to_json(student.spec).dump()}});
}

Student load_student(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    const fs::path run = path.parent_path();
    const bool begun = fs::exists(RunFolder{run}.config(), ignored);
    throw Error(begun ? "is not a finished run: it has no student.safetensors"
                      : "is no run: it has no student.safetensors",
                run.string(),
                begun ? "finish it with `retort distill --resume`"
                      : "name the folder that `retort distill --out` wrote");
  }
  const TensorFile file = read_safetensors(path);
  const auto meta = [&](const char* key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      throw Error(std::string("has no '") + key + "' in its metadata", path.string(),
                  "name a student.safetensors that retort wrote");
    return nlohmann::json::parse(found->second);
  };
  try {
    models::ModelSpec spec = models::model_spec_from(meta(models::kSpecKey));
    if (models::is_object(spec))
      throw Error("was trained as an object of another program, and its code stands in no file",
                  path.string(), "retort.load(run, student=…) in Python");
    if (spec.options.contains("file"))
      spec.options["file"] = (path.parent_path() / RunFolder::kNetwork).string();
    Student student{models::make_model(spec), meta("classes").get<std::vector<std::string>>(),
                    data::input_spec_from(meta("preprocess"))};
    if (static_cast<int64_t>(student.classes.size()) != student.model->spec().classes)
      throw Error("names another number of classes than its head has", path.string());
    models::load_state(*student.model, file.tensors, path.string());
    student.model->eval();
    return student;
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("has broken metadata: ") + error.what(), path.string());
  }
}

nlohmann::json read_json(const fs::path& path) {
  try {
    return nlohmann::json::parse(read_file(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(std::string("is not JSON: ") + error.what(), path.string());
  }
}

std::vector<EpochMetrics> read_epochs(const fs::path& path) try {
  std::istringstream text(read_file(path));
  std::vector<EpochMetrics> epochs;
  for (std::string line; std::getline(text, line);) {
    // The last line may be cut, where the run was killed.
    if (const auto json = nlohmann::json::parse(line, nullptr, false); !json.is_discarded())
      epochs.push_back(json.get<EpochMetrics>());
  }
  return epochs;
} catch (const nlohmann::json::exception& error) {
  throw Error(std::string("has a line that is no epoch: ") + error.what(), path.string());
}

RunSummary summary_of(const fs::path& run) {
  const fs::path path = RunFolder{run}.summary();
  if (!fs::exists(path))
    throw Error("is not a finished run: it has no summary.json", run.string(),
                "finish it with `retort distill --resume`");
  return summary_from(read_json(path), path.string());
}

}  // namespace retort::run
