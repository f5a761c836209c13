#pragma once

#include <filesystem>
#include <string>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::run {

// A name on the hub becomes the folder that its snapshot lies in, pulled if it is not there; anything else stays as it is.
std::string pulled(const std::string& named, Log& log, const StopFlag& stop);

// Trains each whole teacher on the task as config.teacher_init says, the first in the run folder `out`, the second in `out`-2 and so on,
// unless it is there already; returns the config with those models for its teachers, whose own heads are kept. `force` writes over runs
// with other settings.
RunConfig with_trained_teachers(RunConfig config, const std::filesystem::path& out, Log& log, const StopFlag& stop, bool force = false);

}  // namespace retort::run
