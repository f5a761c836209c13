#pragma once

#include "retort/run/open_data.h"
#include "retort/run/plan.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// The data and the teachers that are named, with which every job begins. Where the plan has hours,
// its extras are not open yet.
struct Opened {
  Plan plan;
  PreparedTeachers teachers;
  OpenData data;
};

// Opens everything; `data` is that of the plan.
Opened open_all(const Plan& given, const ListedData& data, const Context& context);

}  // namespace retort::run
