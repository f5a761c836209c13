#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "retort/data/image_store.h"
#include "retort/data/view.h"
#include "retort/models/image_model.h"
#include "retort/models/precision.h"
#include "retort/teacher/teacher.h"

namespace retort::run {

// What a run will take: counts, and rates that were measured on this machine for a second or two
// each.
struct Forecast {
  int64_t images = 0;  // of an epoch
  int64_t epochs = 0, steps = 0;
  int64_t closing = 0;      // images of the closing phase, all epochs together
  double student_rate = 0;  // images/s of training steps, views rendered; 0: nothing is trained
  int64_t looks = 0;  // of the teacher: views that are not stored yet, and images to evaluate it on
  double teacher_rate = 0;  // images/s of those, views rendered
  int64_t teacher_steps =
      0;  // images that the teacher itself is trained on first, all epochs together
  double teacher_training_rate = 0;
  int64_t evaluated = 0;  // images that the student is validated and tested on, all epochs together
  double evaluation_rate = 0;
  int64_t disk_bytes = 0;    // of the teacher's outputs still to be written
  int64_t memory_bytes = 0;  // at its peak until now, a training step included

  int64_t validated = 0;  // of them, after each epoch

  double epoch_seconds() const;    // of the student, with its validation
  double student_seconds() const;  // with its validation and test
  double teacher_seconds() const;  // with its training
  double seconds() const { return student_seconds() + teacher_seconds(); }
};

// Images/s that the teacher sees, each rendered for it: on a batch of these images, for a second.
double seeing_rate(teacher::Teacher& teacher, const data::ImageStore& images,
                   const data::ViewRecipe& recipe);

// Images/s of training and of evaluating a student on such batches, measured on steps of so many
// seconds; its weights change.
struct StudentRates {
  double training = 0;    // views rendered
  double evaluation = 0;  // images as they are in memory
};
StudentRates student_rates(models::ImageModel& student, const data::ImageStore& images,
                           const data::ViewRecipe& recipe, const data::InputSpec& spec,
                           int64_t batch_size, models::Precision precision, bool muon,
                           double seconds);

// Images/s of evaluating a student on such a batch, for so many seconds.
double evaluation_rate(models::ImageModel& student, const at::Tensor& images,
                       models::Precision precision, double seconds = 0.3);

// Bytes of memory that this process has taken at most until now.
int64_t peak_memory();

nlohmann::json to_json(const Forecast& forecast);

// Two lines: what it takes, and which option would make the longest part of it shorter.
std::string text_of(const Forecast& forecast);

}  // namespace retort::run
