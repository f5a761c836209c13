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

// The names inside a run folder.
struct RunFolder {
  static constexpr const char* kNetwork =
      "student.pt";  // a student of the user's own, as TorchScript
  static constexpr const char* kImages = "images.safetensors";
  std::filesystem::path root;
  std::filesystem::path config() const { return root / "config.toml"; }
  std::filesystem::path metrics() const { return root / "metrics.jsonl"; }
  std::filesystem::path summary() const { return root / "summary.json"; }
  std::filesystem::path checkpoint() const { return root / "checkpoints" / "last.safetensors"; }
  // What --hours chose (hours.h).
  std::filesystem::path hours() const { return root / "checkpoints" / "hours.json"; }
  // Of the closing phase.
  std::filesystem::path closing_checkpoint() const {
    return root / "checkpoints" / "closing.safetensors";
  }
  // What the checkpoint was made of (inputs.h).
  std::filesystem::path inputs() const { return root / "checkpoints" / "inputs.json"; }
  std::filesystem::path student() const { return root / "student.safetensors"; }
  std::filesystem::path onnx() const { return root / "student.onnx"; }
  std::filesystem::path report() const { return root / "report.html"; }
  std::filesystem::path predictions() const { return root / "predictions.json"; }
  // Which images the run was made of (seen_images.h).
  std::filesystem::path images() const { return root / kImages; }
  std::filesystem::path tensorboard() const { return root / "tensorboard"; }
  std::filesystem::path log() const { return root / "log.txt"; }
};

// Passes everything on, and keeps messages with the time in a file.
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

// A student as it is handed over: weights under their public names, and in the file's metadata what
// else it takes to use them. The code of a network of the user's own lies beside it, as
// RunFolder::kNetwork.
struct Student {
  models::ModelPtr model;
  std::vector<std::string> classes;
  data::InputSpec spec;
};
void save_student(const std::filesystem::path& path, const Student& student);
// Throws Error when the file is not one that save_student wrote.
Student load_student(const std::filesystem::path& path);

// Throws Error naming the file when it is missing or is not JSON.
nlohmann::json read_json(const std::filesystem::path& path);
// The lines of metrics.jsonl. Throws Error naming the file where one is of another kind.
std::vector<EpochMetrics> read_epochs(const std::filesystem::path& path);

// A run's summary.json. Throws Error when the run has not finished.
RunSummary summary_of(const std::filesystem::path& run);

}  // namespace retort::run
