#pragma once

#include "retort/core/log.h"
#include "retort/data/manifest.h"
#include "retort/run/config.h"
#include "retort/run/forecast.h"
#include "retort/run/plan.h"
#include "retort/run/summary.h"
#include "retort/teacher/teacher.h"

namespace retort::run {

struct DistillOptions {
  bool resume = false;  // continue an unfinished run in config.out
  // Start over; the new run replaces the one in the folder once it is finished.
  bool force = false;
  bool forecast = false;  // measure how long the run will take, and log it first
};

// The main job: reads the data, fits the teacher, stores its outputs, trains the student, tests it
// once, and writes the run folder (config.toml, metrics.jsonl, summary.json, checkpoints/,
// student.safetensors, student.onnx, report.html, log.txt). A finished run with the same settings
// and input files is only read, unless `force`. Throws UsageError on a config that cannot be meant,
// Error on other failures and where another process works in the folder (run_claim.h), Interrupted
// on stop (`resume` continues).
RunSummary distill(const RunConfig& config, const DistillOptions& options, Log& log,
                   const StopFlag& stop);

// A forecast of distill() (forecast.h), measured in seconds. It writes no run folder, only decoded
// images to the cache. `cold`: as if the cache had none of the teacher's outputs.
Forecast forecast(const Plan& plan, Log& log, const StopFlag& stop, bool cold = false);

Forecast forecast(const RunConfig& config, Log& log, const StopFlag& stop);

// As distill(). If the folder has a run with these settings, it reads the summary of a finished
// one, continues an unfinished one, and makes anew one whose data or teachers were other files
// (inputs.h). Throws Error when the folder has a run with other settings; with `force` it starts
// over in any case.
RunSummary distill_once(const Plan& plan, Log& log, const StopFlag& stop, bool force = false);

// Whether the folder has this run, finished, with the same input files as now.
bool is_finished(const Plan& plan);

// The teacher with its head, as distill() fits it, and its features [N, D] and the labels [N] of
// real images prepared as for evaluation. Throws UsageError where the plan names several teachers.
struct FittedTeacher {
  data::Manifest manifest;
  teacher::Teacher teacher;
  at::Tensor train_features, train_labels, val_features, val_labels;
};
FittedTeacher fitted_teacher(const Plan& plan, Log& log, const StopFlag& stop);

// Fits a linear head on the plan's teacher. No student is trained.
struct LinearProbe {
  TeacherSummary teacher;
  double seconds = 0;
};
LinearProbe linear_probe(const Plan& plan, Log& log, const StopFlag& stop);

}  // namespace retort::run
