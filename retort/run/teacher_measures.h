#pragma once

#include <string>
#include <vector>

#include "retort/run/config.h"
#include "retort/run/prepare_teachers.h"

namespace retort::run {

// Measures of a teacher before any training, on at most 4,096 training and 4,096 validation images
// of the task, equally many of each class.
struct TeacherMeasure {
  std::string name;
  double probe = 0;      // percent of validation images that a linear probe classifies correctly
  double neighbour = 0;  // percent of training images whose nearest neighbour has the same class
  double certainty = 0;  // percent: the probe's mean largest probability on validation images
  double seconds = 0;    // of all measurements
};

// Measures the teachers of each config; the configs differ only in their teachers. The result is
// sorted by `probe`, then by `neighbour`, the best first. For a config of several teachers, cosines
// and logits are averaged. Heads are fitted whatever --teacher-head says, on the teachers as given.
std::vector<TeacherMeasure> measure_teachers(const std::vector<RunConfig>& configs,
                                             const Context& context);

// A table and its interpretation.
std::string text_of(const std::vector<TeacherMeasure>& measures);

}  // namespace retort::run
