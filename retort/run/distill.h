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
  bool resume = false;  // go on with an unfinished run in config.out
  // Start over, and take the place of whatever run is there once this one is whole.
  bool force = false;
  bool forecast = false;  // measure what it will take, and say so before it begins
};

// The main job: reads the data, fits the teacher, stores its outputs, trains the student, tests it
// once, and writes the run folder (config.toml, metrics.jsonl, summary.json, checkpoints/,
// student.safetensors, student.onnx, report.html, log.txt). A finished run of the same settings,
// made of the same files, is only read, unless `force`; another process may not be at work in the
// folder (run_claim.h). Throws UsageError on a config that cannot be meant, Error on what goes
// wrong, Interrupted on stop (resume goes on).
RunSummary distill(const RunConfig& config, const DistillOptions& options, Log& log,
                   const StopFlag& stop);

// What distill() would take (forecast.h), measured in seconds; writes no run folder, only decoded
// images into the cache. `cold`: as if the cache held none of the teacher's outputs.
Forecast forecast(const Plan& plan, Log& log, const StopFlag& stop, bool cold = false);

Forecast forecast(const RunConfig& config, Log& log, const StopFlag& stop);

// As distill(), unless the run folder holds this very run, made of the same data and teachers
// (inputs.h): finished, its summary is read; unfinished, it goes on. Made of other ones it is made
// anew. Throws Error when the folder holds a run with other settings; with `force` it starts over
// whatever is there.
RunSummary distill_once(const Plan& plan, Log& log, const StopFlag& stop, bool force = false);

// The run folder holds this very run, finished, and made of what is there now.
bool is_finished(const Plan& plan);

// The teacher as distill() fits it, head and all, and what it makes of real images, prepared as for
// evaluation: features [N, D], labels [N]. Throws UsageError where the plan names several.
struct FittedTeacher {
  data::Manifest manifest;
  teacher::Teacher teacher;
  at::Tensor train_features, train_labels, val_features, val_labels;
};
FittedTeacher fitted_teacher(const Plan& plan, Log& log, const StopFlag& stop);

// The plan's teacher fitted with a linear head; no student is trained.
struct LinearProbe {
  TeacherSummary teacher;
  double seconds = 0;
};
LinearProbe linear_probe(const Plan& plan, Log& log, const StopFlag& stop);

}  // namespace retort::run
