#pragma once

#include <functional>
#include <string>
#include <vector>

#include "retort/run/plan.h"
#include "retort/teacher/teacher.h"

namespace retort::run {

// Who a step tells what it does, and asks whether to stop.
struct Context {
  Log& log;
  const StopFlag& stop;
};

// Loaded, and frozen. Heads that are kept, and zero-shot ones, are set; others are fitted later.
struct PreparedTeachers {
  std::vector<teacher::Teacher> teachers;
  std::vector<double> weights;  // of each; they add up to 1

  bool none() const { return teachers.empty(); }
  // The largest of their resolutions, in pixels; 0 where there is none.
  int64_t largest_size() const;
};
// Throws Error where a head that is to be kept is not of these classes.
PreparedTeachers prepare_teachers(const Plan& plan, const TeachersPlan& teachers,
                                  const std::vector<std::string>& classes, const Context& context);

}  // namespace retort::run
