#pragma once

#include <nlohmann/json.hpp>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::run {

struct DistillOptions {
  bool resume = false;  // go on with an unfinished run in config.out
  bool force = false;   // write over whatever run is there
};

// The main job: reads the data, fits the teacher, stores its outputs, trains the student, tests it once, and writes the run folder
// (config.toml, metrics.jsonl, summary.json, checkpoints/, student.safetensors, student.onnx, report.html, log.txt). Returns the summary.
// Accuracies are percent. Throws UsageError on a config that cannot be meant, Error on what goes wrong, Interrupted on stop (resume goes
// on).
nlohmann::json distill(const RunConfig& config, const DistillOptions& options, Log& log, const StopFlag& stop);

}  // namespace retort::run
