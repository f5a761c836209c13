#pragma once

#include <functional>

#include "retort/run/train_student.h"

namespace retort::run {

// The closing phase: a distilled student is trained further on the labels of the data set's own
// images alone, as Vemulapalli et al. (2023, arXiv 2311.18237) finetune theirs at the end on the
// few labelled images. It uses cross-entropy, AdamW and new views, at a rate that falls from
// closing_rate_for() to zero.
//
// `student` is the distilled student. It gets the closing phase's weights where these are at least
// as good on validation, and otherwise keeps its own. `distilled` identifies the distillation in
// the phase's own checkpoint. `on_epoch` is called with metrics whose epochs continue those of the
// distillation. Throws as Trainer::run does.
void close_training(const Plan& plan, const OpenData& data, const std::string& distilled,
                    const RunFolder& folder, bool resume,
                    const std::function<void(const EpochMetrics&)>& on_epoch,
                    const Context& context, TrainedStudent& student);

}  // namespace retort::run
