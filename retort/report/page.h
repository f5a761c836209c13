#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/epoch_metrics.h"
#include "retort/data/metrics.h"

namespace retort::report {

// One row of the table that compares the student with its teacher and other runs.
struct Row {
  std::string name;     // "teacher", "distilled", "from scratch"
  std::string model;    // "efficientnet_lite2"
  double accuracy = 0;  // percent, on the page's split
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  double milliseconds = 0;  // for one image on this machine
  double training_seconds = 0;
};

// Everything the page shows.
struct Page {
  std::string title;
  std::vector<std::string> classes;
  std::string split = "test";  // of the predictions
  std::vector<data::Prediction> predictions;
  std::filesystem::path data_root;  // predictions' paths are relative to it; missing images are
                                    // left out of the page
  std::vector<Row> rows;
  std::vector<EpochMetrics> epochs;
  nlohmann::json summary;
  std::string config_toml;
};

// One HTML page with the table, curves, per-class accuracy, confusion matrix, sample images with
// predictions (right and wrong), skipped files and configuration. It has no script and loads
// nothing. All text from the data (class names, paths) is escaped. Throws Error where a prediction
// names a class number out of range.
std::string render_page(const Page& page);

// The rows as an aligned plain-text table.
std::string render_table(const std::vector<Row>& rows);

}  // namespace retort::report
