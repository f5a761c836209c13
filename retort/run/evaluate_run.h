#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/data/metrics.h"
#include "retort/run/choices.h"
#include "retort/run/run_folder.h"
#include "retort/run/summary.h"

namespace retort::run {

struct Evaluation {
  std::string split;           // "test", "validation", "train" or "all"
  std::filesystem::path root;  // the predictions' paths are relative to it
  std::vector<std::string> classes;
  std::vector<data::Prediction> predictions;
  data::Metrics metrics;
  std::vector<data::SkippedFile> skipped;
};

// fp32. `images` was made for student.spec from the manifest, whose labels are the student's
// classes.
Evaluation evaluate_store(const Student& student, const data::Manifest& manifest,
                          const data::ImageStore& images, const std::string& split, Log& log,
                          const StopFlag& stop);

struct EvaluationOptions {
  // Nothing: the first that is there and that no student has seen.
  std::optional<EvaluatedSplit> split;
  // As of a run; nothing: the run's own, or 0.05 of other data.
  std::optional<double> max_skipped;
};

// Without `data`, or where it is the run's own: the run's test split (validation when it has none).
// With other `data`: its test split where it has splits of its own, else its validation or training
// split, and every image where it has none; one class, or one image of a class, will do. Its
// classes must be among the student's, up to case and blanks. The log says how many of the images
// the student was trained on. Throws Error naming what does not fit.
Evaluation evaluate_run(const std::filesystem::path& run, const std::string& data,
                        const std::filesystem::path& cache, Log& log, const StopFlag& stop,
                        const EvaluationOptions& options = {});

// For the report: predictions.json in the run folder.
void write_evaluation(const std::filesystem::path& path, const Evaluation& evaluation);
Evaluation read_evaluation(const std::filesystem::path& path);

}  // namespace retort::run
