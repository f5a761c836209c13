#pragma once

#include "retort/run/inputs.h"
#include "retort/run/open_data.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// What every job begins with: the data, and the teachers that are named. Where the plan has hours,
// its extras are not open yet.
struct Opened {
  Plan plan;
  PreparedTeachers teachers;
  OpenData data;
};

// `inputs`, where they are asked for: what the run is made of. (A manifest without labels has its
// validation images named later.)
Opened open_all(const Plan& given, const Context& context, Inputs* inputs = nullptr);

}  // namespace retort::run
