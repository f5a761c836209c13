#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/epoch_metrics.h"
#include "retort/core/log.h"
#include "retort/models/image_model.h"
#include "retort/run/summary.h"

namespace retort::run {

// The names of the files in a run folder.
struct RunFolder {
  static constexpr const char* kNetwork = "student.pt";  // the user's own student, as TorchScript
  static constexpr const char* kImages = "images.safetensors";
  std::filesystem::path root;
  std::filesystem::path config() const { return root / "config.toml"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path summary() const { return root / "summary.json"; }
  std::filesystem::path checkpoint() const { return root / "checkpoints" / "last.safetensors"; }
  // The choices of --hours (hours.h).
  std::filesystem::path hours() const { return root / "checkpoints" / "hours.json"; }
  // The checkpoint of the closing phase.
  std::filesystem::path closing_checkpoint() const {
    return root / "checkpoints" / "closing.safetensors";
  }
  // The inputs of the checkpoint (inputs.h).
  std::filesystem::path inputs() const { return root / "checkpoints" / "inputs.json"; }
  std::filesystem::path student() const { return root / "student.safetensors"; }
  std::filesystem::path onnx() const { return root / "student.onnx"; }
  std::filesystem::path report() const { return root / "report.html"; }
  std::filesystem::path predictions() const { return root / "predictions.json"; }
  // The images of the run (seen_images.h).
  std::filesystem::path images() const { return root / kImages; }
  std::filesystem::path tensorboard() const { return root / "tensorboard"; }
  std::filesystem::path log() const { return root / "log.txt"; }
};

// A log that passes everything on, and writes messages with their time to a file.
class FileLog : public Log {
 public:
  FileLog(const std::filesystem::path& path, Log& next, bool append);
  void info(const std::string& message) override;
  void warn(const std::string& message) override;
  void progress(const Progress& progress) override { next_.progress(progress); }

 private:
  void write(const std::string& message);
  std::ofstream file_;
  Log& next_;
};

// A trained student. Its file has the weights under their public names, and in the metadata what
// else is needed to use them. The code of the user's own network is in RunFolder::kNetwork beside
// it.
struct Student {
  models::ModelPtr model;
  std::vector<std::string> classes;
  data::InputSpec spec;
};
void save_student(const std::filesystem::path& path, const Student& student);
// Throws Error when save_student did not write the file.
Student load_student(const std::filesystem::path& path);

// Throws Error, naming the file, when it is missing or not JSON.
nlohmann::json read_json(const std::filesystem::path& path);
// Reads metrics.jsonl. Throws Error, naming the file, where a line is not an epoch; a cut line is
// skipped.
std::vector<EpochMetrics> read_epochs(const std::filesystem::path& path);

// Reads a run's summary.json. Throws Error when the run has not finished.
RunSummary summary_of(const std::filesystem::path& run);

}  // namespace retort::run
