#pragma once

#include "retort/run/fit_teachers.h"
#include "retort/run/forecast.h"
#include "retort/run/open_data.h"

namespace retort::run {

struct ForecastOptions {
  bool cold = false;   // as if no output of a teacher were stored
  double seconds = 2;  // for the student's steps
};

// What the rest of the run will take, measured on this machine in seconds. `teachers` are those
// that are given, before any training of theirs; their outputs are counted as missing where they
// will be trained first. Draws from torch's generator.
Forecast forecast_run(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                      const Context& context, const ForecastOptions& options = {});

}  // namespace retort::run
