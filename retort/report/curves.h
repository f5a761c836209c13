#pragma once

#include <string>
#include <vector>

#include "retort/core/epoch_metrics.h"

namespace retort::report {

// Charts of loss, accuracies, loss terms and learning rate, as HTML; empty without epochs.
std::string training_curves(const std::vector<EpochMetrics>& epochs);

}  // namespace retort::report
