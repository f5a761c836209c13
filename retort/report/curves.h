#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace retort::report {

// Charts of what the lines of metrics.jsonl hold: loss, accuracies, loss terms, learning rate.
// Empty when they hold nothing.
std::string training_curves(const std::vector<nlohmann::json>& lines);

}  // namespace retort::report
