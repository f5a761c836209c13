#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/report/metrics.h"
#include "retort/run/run_folder.h"
#include "retort/run/summary.h"

namespace retort::run {

struct Evaluation {
  std::string split;           // "test", "validation" or "all"
  std::filesystem::path root;  // the predictions' paths are relative to it
  std::vector<std::string> classes;
  std::vector<report::Prediction> predictions;
  report::Metrics metrics;
  std::vector<data::SkippedFile> skipped;
};

// fp32. `images` was made for student.spec from the manifest, whose labels are the student's classes.
Evaluation evaluate_store(const Student& student, const data::Manifest& manifest, const data::ImageStore& images, const std::string& split,
                          Log& log, const StopFlag& stop);

// Without `data`: the run's own test split (validation when it has none). With `data`: its test split where it has splits of its own, else
// every image; its classes must be among the student's. Throws Error naming what does not fit.
Evaluation evaluate_run(const std::filesystem::path& run, const std::string& data, const std::filesystem::path& cache, Log& log,
                        const StopFlag& stop);

struct FilePrediction {
  std::string path;
  std::string error;                                // empty when it was decoded
  std::vector<std::pair<std::string, double>> top;  // class and probability, most likely first
};
std::vector<FilePrediction> predict_files(const std::filesystem::path& run, const std::vector<std::string>& files, int64_t top);

// For the report: predictions.json in the run folder.
void write_evaluation(const std::filesystem::path& path, const Evaluation& evaluation);
Evaluation read_evaluation(const std::filesystem::path& path);

}  // namespace retort::run
