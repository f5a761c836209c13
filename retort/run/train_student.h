#pragma once

#include <optional>

#include "retort/models/image_model.h"
#include "retort/run/fit_teachers.h"
#include "retort/run/forecast.h"
#include "retort/run/open_data.h"
#include "retort/run/run_folder.h"
#include "retort/train/trainer.h"

namespace retort::run {

struct TrainedStudent {
  models::ModelPtr model;  // on the processor, with the weights that validation kept
  train::TrainResult result;
  std::optional<ClosingSummary> closing;  // where there was a closing phase (closing.h)
};

// Trains the student of the plan, its closing phase included, and writes metrics.jsonl and
// checkpoints into the folder. With `resume` it goes on from the checkpoint there, if there is one;
// throws Error where that was made of other inputs.
TrainedStudent train_student(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                             const Inputs& inputs, const RunFolder& folder, bool resume,
                             const Context& context);

// Images/s of this very training, measured by a trial of some seconds without validation that is
// thrown away, and of evaluating the student. Its checkpoint lies in the folder meanwhile.
StudentRates trial_rates(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                         const std::filesystem::path& folder, double seconds,
                         const Context& context);

}  // namespace retort::run
