#pragma once

#include <string>
#include <vector>

#include "retort/run/config.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// What is known of a teacher before anything learns from it, on at most 4,096 training and 4,096
// validation images of the task, equally many of each class.
struct TeacherMeasure {
  std::string name;
  double probe = 0;      // percent of validation images that a linear head on its features names
  double neighbour = 0;  // percent of training images whose nearest other one is of their class
  double certainty = 0;  // percent: the mean over validation of the head's largest probability
  double seconds = 0;    // that all of it took
};

// Of each of the configs, which differ in their teachers alone: the best first, by `probe`, then by
// `neighbour`. A config of several teachers has the mean of their cosines and logits. Their heads
// are fitted whatever --teacher-head says, and on the teachers as they are given.
std::vector<TeacherMeasure> measure_teachers(const std::vector<RunConfig>& configs,
                                             const Context& context);

// A table, and what it says.
std::string text_of(const std::vector<TeacherMeasure>& measures);

}  // namespace retort::run
