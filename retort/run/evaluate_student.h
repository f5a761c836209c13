#pragma once

#include "retort/run/train_student.h"

namespace retort::run {

// Tests the student once, and writes student.safetensors, student.onnx and predictions.json to the
// folder.
StudentSummary evaluate_student(const Plan& plan, const OpenData& data,
                                const TrainedStudent& student, const RunFolder& folder,
                                const Context& context);

}  // namespace retort::run
