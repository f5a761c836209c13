#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/data/image_store.h"
#include "retort/report/metrics.h"
#include "retort/run/run_folder.h"
#include "retort/run/summary.h"

namespace retort::run {

struct Evaluation {
  std::string split;           // "test", "validation", "train" or "all"
  std::filesystem::path root;  // the predictions' paths are relative to it
  std::vector<std::string> classes;
  std::vector<report::Prediction> predictions;
  report::Metrics metrics;
  std::vector<data::SkippedFile> skipped;
};

// fp32. `images` was made for student.spec from the manifest, whose labels are the student's
// classes.
Evaluation evaluate_store(const Student& student, const data::Manifest& manifest,
                          const data::ImageStore& images, const std::string& split, Log& log,
                          const StopFlag& stop);

struct EvaluationOptions {
  std::string split;  // "test", "validation", "train" or "all"; empty: the first of these that is
                      // there and that no student has seen
  std::optional<double>
      max_skipped;  // as of a run; not given: the run's own, or 0.05 of other data
};

// Without `data`, or where it is the run's own: the run's test split (validation when it has none).
// With other `data`: its test split where it has splits of its own, else its validation or training
// split, and every image where it has none; one class, or one image of a class, will do. Its
// classes must be among the student's, up to case and blanks. The log says how many of the images
// the student was trained on. Throws Error naming what does not fit.
Evaluation evaluate_run(const std::filesystem::path& run, const std::string& data,
                        const std::filesystem::path& cache, Log& log, const StopFlag& stop,
                        const EvaluationOptions& options = {});

struct FilePrediction {
  std::string path;
  std::string error;                                // empty when it was decoded
  std::vector<std::pair<std::string, double>> top;  // class and probability, most likely first
};
std::vector<FilePrediction> predict_files(const std::filesystem::path& run,
                                          const std::vector<std::string>& files, int64_t top);
// As they come.
void predict_each(const std::filesystem::path& run, const std::vector<std::string>& files,
                  int64_t top, const std::function<void(const FilePrediction&)>& show);

// The files among these paths, and in the place of each folder the pictures below it; the log says
// what is passed over there. Throws Error on a folder without pictures.
std::vector<std::string> pictures_of(const std::vector<std::string>& paths, Log& log);

// For the report: predictions.json in the run folder.
void write_evaluation(const std::filesystem::path& path, const Evaluation& evaluation);
Evaluation read_evaluation(const std::filesystem::path& path);

}  // namespace retort::run
