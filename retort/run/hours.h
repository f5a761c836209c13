#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retort/run/fit_teachers.h"
#include "retort/run/forecast.h"
#include "retort/run/open_data.h"

namespace retort::run {

// What a run that has so many hours (--hours) does with them. It is chosen once, from what is
// measured here, and kept beside the checkpoint: a resumed run goes on with it.
struct HoursChoice {
  double hours = 0;
  std::optional<int64_t> views;  // of each image, for the teacher; nothing: as without --hours
  int64_t epochs_before = 0;     // estimated before the teacher's passes: what they are made for
  int64_t epochs = 0;            // chosen after them, from a trial of the training itself
};

// What is measured of a run, and what it is made of: all that a choice depends on.
struct HoursMeasured {
  double seconds_left = 0;                                         // for teachers and student
  double student_rate = 0, evaluation_rate = 0, teacher_rate = 0;  // images/s; 0: nothing to do
  double teacher_training_seconds = 0;
  int64_t train = 0, val = 0, test = 0;
};

// A run aims at this share of its hours: measured rates are some percent off, and a run that ends
// early is the lesser evil.
constexpr double kHoursAim = 0.96;

// Seconds that such a run takes in so many epochs, its teacher's passes included where `passes`.
// `extras`: how many images each --extra has.
double seconds_of(const Plan& plan, const std::vector<int64_t>& extras, const HoursMeasured& known,
                  int64_t epochs, bool passes);

// Views and epochs that take the seconds that are left. The teacher has at most a quarter of them:
// where one view an epoch, or as many as without --hours, take longer, it is shown fewer. Throws
// UsageError where one epoch takes more than there is.
HoursChoice choose_before_passes(const Plan& plan, const std::vector<int64_t>& extras,
                                 const HoursMeasured& known);
// Epochs alone, once the passes are made.
int64_t choose_epochs(const Plan& plan, const std::vector<int64_t>& extras,
                      const HoursMeasured& known);

// The plan with what was chosen.
Plan with_choice(Plan plan, const HoursChoice& choice, int64_t epochs);

// Before the teacher's passes: takes the choice from the file where there is one and `resume` says
// so, or estimates; then the plan has the epochs that the passes are made for, and the extras are
// opened.
HoursChoice begin_hours(Plan& plan, OpenData& data, PreparedTeachers& teachers,
                        const std::filesystem::path& file, bool resume, double seconds_gone,
                        const Context& context);

// After them: trains the student on trial for about a hundredth of the time, with all that training
// does but validation, throws it away, chooses the epochs by its speed and keeps the choice in the
// file. A choice that was taken from the file stays. The plan has the epochs then.
void finish_hours(Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                  const std::filesystem::path& file, double seconds_gone, const Context& context,
                  HoursChoice& choice);

// As kept in a file; nothing where it is not there. Throws Error where it cannot be read.
std::optional<HoursChoice> read_choice(const std::filesystem::path& file);
void write_choice(const std::filesystem::path& file, const HoursChoice& choice);

}  // namespace retort::run
