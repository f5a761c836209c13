#pragma once

#include "retort/run/fit_teachers.h"
#include "retort/run/forecast.h"
#include "retort/run/open_data.h"

namespace retort::run {

struct ForecastOptions {
  bool cold = false;   // as if no outputs of teachers were stored
  double seconds = 2;  // for measuring the student's steps
};

// A forecast of the rest of the run, measured on this machine in seconds. `teachers` are the given
// ones, before any training of their own; where they will be trained first, all of their outputs
// count as missing. It draws from torch's generator.
Forecast forecast_run(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                      const Context& context, const ForecastOptions& options = {});

}  // namespace retort::run
