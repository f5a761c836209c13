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
  std::filesystem::path root;  // the folder to which the predictions' paths are relative
  std::vector<std::string> classes;
  std::vector<data::Prediction> predictions;
  data::Metrics metrics;
  std::vector<data::SkippedFile> skipped;
};

// Evaluates in fp32. `images` was made for student.spec from the manifest, whose labels are indices
// of the student's classes.
Evaluation evaluate_store(const Student& student, const data::Manifest& manifest,
                          const data::ImageStore& images, const std::string& split, Log& log,
                          const StopFlag& stop);

struct EvaluationOptions {
  // Empty: the first of test, validation and training that has images; all images of a folder that
  // is not divided into splits.
  std::optional<EvaluatedSplit> split;
  // As in a run; empty: the run's own value, or 0.05 for other data.
  std::optional<double> max_skipped;
};

// Evaluates a run's student. Without `data`, or where it is the run's own: on the run's test split
// (validation when it has none). On other `data`: on its test split where it has splits of its own,
// else on its validation or training split, and on every image where it has no splits; one class,
// or one image of a class, is enough. Its classes must be among the student's, ignoring case and
// blanks. The log says on how many of the images the student was trained. Throws UsageError without
// `data` where the run's images have no labels, and Error, naming what does not fit.
Evaluation evaluate_run(const std::filesystem::path& run, const std::string& data,
                        const std::filesystem::path& cache, Log& log, const StopFlag& stop,
                        const EvaluationOptions& options = {});

// Writes and reads predictions.json in the run folder, which the report uses.
void write_evaluation(const std::filesystem::path& path, const Evaluation& evaluation);
Evaluation read_evaluation(const std::filesystem::path& path);

}  // namespace retort::run
