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

// A forecast of a run: counts, and rates that were measured on this machine for a second or two
// each.
struct Forecast {
  int64_t images = 0;  // of an epoch
  int64_t epochs = 0, steps = 0;
  int64_t closing = 0;      // images of the closing phase, over all its epochs
  double student_rate = 0;  // images/s of training steps with rendering; 0: nothing is trained
  int64_t looks = 0;  // forward passes of the teacher for missing views and for its evaluation
  double teacher_rate = 0;    // images/s of these passes, with rendering
  int64_t teacher_steps = 0;  // images of the teacher's own training, over all its epochs
  double teacher_training_rate = 0;
  int64_t evaluated = 0;  // images of the student's validation and test, over all epochs
  double evaluation_rate = 0;
  int64_t disk_bytes = 0;    // size of the teacher's outputs that are still to be written
  int64_t memory_bytes = 0;  // the process's peak so far, with a training step

  int64_t validated = 0;  // images of one validation, after each epoch

  double epoch_seconds() const;    // of the student, with validation
  double student_seconds() const;  // with validation and test
  double teacher_seconds() const;  // with its training
  double seconds() const { return student_seconds() + teacher_seconds(); }
};

// The images/s that the teacher takes, with rendering: measured on a batch of these images for a
// second.
double seeing_rate(teacher::Teacher& teacher, const data::ImageStore& images,
                   const data::ViewRecipe& recipe);

// The images/s of training and of evaluating a student on batches of this size, measured on about
// `seconds` seconds of steps; its weights change.
struct StudentRates {
  double training = 0;    // with rendering
  double evaluation = 0;  // of images in memory
};
StudentRates student_rates(models::ImageModel& student, const data::ImageStore& images,
                           const data::ViewRecipe& recipe, const data::InputSpec& spec,
                           int64_t batch_size, models::Precision precision, bool muon,
                           double seconds);

// The images/s of evaluating a student on this batch, measured for this many seconds.
double evaluation_rate(models::ImageModel& student, const at::Tensor& images,
                       models::Precision precision, double seconds = 0.3);

// The peak memory of this process so far, in bytes.
int64_t peak_memory();

nlohmann::json to_json(const Forecast& forecast);

// Two lines: the forecast, and which option would shorten its longest part.
std::string text_of(const Forecast& forecast);

}  // namespace retort::run
