#pragma once

#include <filesystem>
#include <string>

#include "retort/core/log.h"
#include "retort/models/image_model.h"
#include "retort/run/config.h"
#include "retort/run/named_teacher.h"

namespace retort::run {

// A name on the hub becomes the folder that its snapshot lies in, pulled if it is not there; anything else stays as it is.
std::string pulled(const std::string& named, Log& log, const StopFlag& stop);

// What a teacher whose whole network is trained on the task is trained by, as a student without a teacher: config.teacher_init is
// "finetune" or "scratch". Where --teacher-lr is 0 the rate is 1e-4 for finetune (its head's ten times that), a student's for scratch.
RunConfig config_of_teacher(const RunConfig& config, const NamedTeacher& teacher, const models::ImageModel& model);

// Trains each whole teacher on the task as config.teacher_init says, the first in the run folder `out`, the second in `out`-2 and so on,
// unless it is there already; returns the config with those models for its teachers, whose own heads are kept. `force` writes over runs
// with other settings.
RunConfig with_trained_teachers(RunConfig config, const std::filesystem::path& out, Log& log, const StopFlag& stop, bool force = false);

}  // namespace retort::run
