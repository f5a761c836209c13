#pragma once

#include <functional>

#include "retort/run/train_student.h"

namespace retort::run {

// The closing phase: a distilled student is trained on by the labels of the data set's own images
// alone, as Vemulapalli et al. (2023, arXiv 2311.18237) finetune theirs on the few labelled images
// at the end. Cross-entropy, AdamW, a rate of closing_rate_for(), falling to zero; fresh views.
//
// `student` is what distillation kept. Afterwards it has the closing phase's weights where these
// are at least as good on validation, and its own otherwise: closing never makes it worse there.
// `distilled` names the distillation in the phase's own checkpoint. `on_epoch` gets lines whose
// epochs count on from the distillation's.
void close_training(const Plan& plan, const OpenData& data, const std::string& distilled,
                    const RunFolder& folder, bool resume,
                    const std::function<void(const EpochMetrics&)>& on_epoch,
                    const Context& context, TrainedStudent& student);

}  // namespace retort::run
