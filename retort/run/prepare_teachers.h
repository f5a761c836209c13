#pragma once

#include <functional>
#include <string>
#include <vector>

#include "retort/run/plan.h"
#include "retort/teacher/teacher.h"

namespace retort::run {

// The log that a step writes to, and the flag that stops it.
struct Context {
  Log& log;
  const StopFlag& stop;
};

// Loaded and frozen teachers. Kept and zero-shot heads are set; others are fitted later.
struct PreparedTeachers {
  std::vector<teacher::Teacher> teachers;
  std::vector<double> weights;  // for each teacher; they add up to 1

  bool none() const { return teachers.empty(); }
  // The largest of their resolutions, in pixels; 0 without teachers.
  int64_t largest_size() const;
};
// Throws Error where a head that is to be kept does not have these classes.
PreparedTeachers prepare_teachers(const Plan& plan, const TeachersPlan& teachers,
                                  const std::vector<std::string>& classes, const Context& context);

}  // namespace retort::run
