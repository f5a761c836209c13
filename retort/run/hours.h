#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retort/run/fit_teachers.h"
#include "retort/run/forecast.h"
#include "retort/run/open_data.h"

namespace retort::run {

// The choices of a run with a time limit (--hours). They are made once, from measurements on this
// machine, and stored beside the checkpoint; a resumed run keeps them.
struct HoursChoice {
  double hours = 0;
  std::optional<int64_t> views;  // of each image, for the teacher; empty: as without --hours
  int64_t epochs_before = 0;     // estimated before the teacher's passes, which are made for it
  int64_t epochs = 0;            // chosen after them, from a trial of the training itself
};

// Measurements and sizes of a run, on which the choices depend.
struct HoursMeasured {
  double seconds_left = 0;                                         // for teachers and student
  double student_rate = 0, evaluation_rate = 0, teacher_rate = 0;  // images/s; 0: nothing to do
  double teacher_training_seconds = 0;
  int64_t train = 0, val = 0, test = 0;
};

// The share of its hours that a run aims at: measured rates are some percent off, and ending early
// is better than ending late.
constexpr double kHoursAim = 0.96;

// The seconds that a run of this many epochs takes, with its teachers' forward passes if `passes`.
// `extras` has the number of images of each --extra.
double seconds_of(const Plan& plan, const std::vector<int64_t>& extras, const HoursMeasured& known,
                  int64_t epochs, bool passes);

// The views and epochs that fit into the seconds left. Teachers get at most a quarter of them:
// where the usual number of views takes longer, they get fewer. Throws UsageError where there is no
// time for one epoch.
HoursChoice choose_before_passes(const Plan& plan, const std::vector<int64_t>& extras,
                                 const HoursMeasured& known);
// The epochs alone, once the teachers' passes are made. Throws UsageError where there is no time
// for one.
int64_t choose_epochs(const Plan& plan, const std::vector<int64_t>& extras,
                      const HoursMeasured& known);

// The plan with these choices.
Plan with_choice(Plan plan, const HoursChoice& choice, int64_t epochs);

// Call it before the teachers' passes. It takes the choices from the file, if `resume` and there is
// one, or estimates them. It sets the epochs for which the passes are made, and opens the extras.
HoursChoice begin_hours(Plan& plan, OpenData& data, PreparedTeachers& teachers,
                        const std::filesystem::path& file, bool resume, double seconds_gone,
                        const Context& context);

// Call it after the teachers' passes. It trains the student on trial for about a hundredth of the
// time, without validation, discards it, chooses the epochs by its speed, writes the choices to the
// file, and sets the epochs of the plan. Choices that came from the file stay.
void finish_hours(Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                  const std::filesystem::path& file, double seconds_gone, const Context& context,
                  HoursChoice& choice);

// Reads the choices; nothing where there is no file. Throws Error where it cannot be read.
std::optional<HoursChoice> read_choice(const std::filesystem::path& file);
void write_choice(const std::filesystem::path& file, const HoursChoice& choice);

}  // namespace retort::run
