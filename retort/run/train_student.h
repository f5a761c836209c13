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
  models::ModelPtr model;  // on the CPU, with the weights that validation chose
  train::TrainResult result;
  std::optional<ClosingSummary> closing;  // where there was a closing phase (closing.h)
};

// Trains the plan's student, with its closing phase, and writes metrics.jsonl and checkpoints to
// the folder. With `resume` it continues from the checkpoint there, if there is one; throws Error
// where that was made of other inputs.
TrainedStudent train_student(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                             const Inputs& inputs, const RunFolder& folder, bool resume,
                             const Context& context);

// The images/s of this training, measured by a trial of some seconds without validation that is
// discarded, and of evaluating the student. The trial's checkpoint is in the folder meanwhile.
StudentRates trial_rates(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                         const std::filesystem::path& folder, double seconds,
                         const Context& context);

}  // namespace retort::run
