#include "retort/run/hours.h"

#include <algorithm>
#include <cmath>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/data/extra.h"
#include "retort/run/forecast_run.h"
#include "retort/run/run_folder.h"
#include "retort/run/train_student.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostEpochs = 100000;
constexpr double kTeachersShare = 0.25;
constexpr double kTail = 5;  // seconds, for the model files and the report

double over(double images, double rate) { return rate > 0 ? images / rate : 0; }

// The numbers of images in a run of some epochs.
struct Counts {
  double passes = 0;      // that the teachers see, in the whole run
  double images = 0;      // different ones that the student sees
  double each_epoch = 0;  // that the student sees in an epoch
};

Counts counts_of(const Plan& plan, const std::vector<int64_t>& extras, const HoursMeasured& known,
                 int64_t epochs) {
  Counts counts;
  const auto add = [&](int64_t images, double each_epoch) {
    const double seen = each_epoch * static_cast<double>(epochs);
    const auto used = std::max<int64_t>(
        1, std::min(images, static_cast<int64_t>(std::min(std::ceil(seen), 1e12))));
    const auto times = static_cast<int64_t>(std::ceil(seen / static_cast<double>(used)));
    counts.passes += static_cast<double>(used * stored_views(plan.views, used, times));
    counts.images += static_cast<double>(used);
    counts.each_epoch += each_epoch;
  };
  const auto own = static_cast<double>(known.train);
  add(known.train, own);
  for (size_t i = 0; i < extras.size(); ++i) add(extras[i], plan.data.extras[i].ratio * own);
  return counts;
}

// The largest number of epochs that fits into the time; 0 where not even one does.
int64_t most_epochs(const Plan& plan, const std::vector<int64_t>& extras,
                    const HoursMeasured& known, bool passes) {
  int64_t fits = 0, too_many = kMostEpochs + 1;
  while (too_many - fits > 1) {
    const int64_t middle = fits + (too_many - fits) / 2;
    (seconds_of(plan, extras, known, middle, passes) <= known.seconds_left ? fits : too_many) =
        middle;
  }
  return fits;
}

void check_one_epoch(const Plan& plan, const std::vector<int64_t>& extras,
                     const HoursMeasured& known, bool passes, int64_t epochs) {
  if (epochs > 0) return;
  const double needed = seconds_of(plan, extras, known, 1, passes);
  throw UsageError("is too little: one epoch takes " + duration(needed) + ", and " +
                       duration(std::max(0.0, known.seconds_left)) + " are left",
                   "--hours", "more hours, a smaller --image-size, or a smaller --teacher-size");
}

// The images/s of all teachers together, one after the other.
double passing_rate(const Plan& plan, const OpenData& data, PreparedTeachers& teachers) {
  double seconds = 0;
  for (teacher::Teacher& teacher : teachers.teachers)
    seconds += 1 / seeing_rate(teacher, data.train, plan.views.recipe);
  return seconds > 0 ? 1 / seconds : 0;
}

// The number of pictures of each --extra that a run may use.
std::vector<int64_t> images_of_extras(const Plan& plan, const data::Manifest& task) {
  std::vector<int64_t> counts;
  for (const data::Extra& extra : plan.data.extras) {
    const data::Manifest pile = data::load_extra(extra.path, task.classes);
    const auto found = static_cast<int64_t>(pile.items.size());
    counts.push_back(std::min(found, plan.data.select.value_or(found)));
  }
  return counts;
}

HoursChoice estimate(const Plan& plan, const OpenData& data, PreparedTeachers& teachers,
                     double seconds_gone, const Context& context) {
  const Stopwatch measuring;
  const Forecast one = forecast_run(plan, data, teachers, context);
  HoursMeasured known{.seconds_left = 0,
                      .student_rate = one.student_rate,
                      .evaluation_rate = one.evaluation_rate,
                      .teacher_rate = passing_rate(plan, data, teachers),
                      .teacher_training_seconds =
                          one.teacher_steps > 0
                              ? static_cast<double>(one.teacher_steps) / one.teacher_training_rate
                              : 0,
                      .train = data.train.size(),
                      .val = data.val.size(),
                      .test = data.test.size()};
  known.seconds_left = kHoursAim * 3600 * *plan.training.hours - seconds_gone - measuring.seconds();
  const HoursChoice choice =
      choose_before_passes(plan, images_of_extras(plan, data.manifest), known);
  context.log.info("--hours " + significant(choice.hours, 4) + ": about " +
                   std::to_string(choice.epochs_before) + " epochs" +
                   (choice.views && !plan.views.stored
                        ? ", " + std::to_string(*choice.views) + " views for the teacher"
                        : ""));
  return choice;
}

int64_t settled(const Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                const fs::path& folder, double seconds_gone, const Context& context,
                const HoursChoice& choice) {
  constexpr double kShare = 0.01, kLeast = 3, kMost = 60;
  const Stopwatch measuring;
  const double budget = kHoursAim * 3600 * choice.hours;
  context.log.info("measuring how fast the student trains");
  const StudentRates rates = trial_rates(plan, data, teachers, folder,
                                         std::clamp(kShare * budget, kLeast, kMost), context);
  std::vector<int64_t> extras;
  for (const ExtraSource& extra : data.extras) extras.push_back(extra.images.size());
  const int64_t epochs = choose_epochs(plan, extras,
                                       {.seconds_left = budget - seconds_gone - measuring.seconds(),
                                        .student_rate = rates.training,
                                        .evaluation_rate = rates.evaluation,
                                        .train = data.train.size(),
                                        .val = data.val.size(),
                                        .test = data.test.size()});
  context.log.info("--hours " + significant(choice.hours, 4) + ": " + std::to_string(epochs) +
                   " epochs at " + significant(rates.training, 3) + " images/s; " +
                   word_of(plan.training.options.schedule) + " schedule over all of them, " +
                   duration(seconds_gone + measuring.seconds()) + " gone");
  return epochs;
}

}  // namespace

double seconds_of(const Plan& plan, const std::vector<int64_t>& extras, const HoursMeasured& known,
                  int64_t epochs, bool passes) {
  const Counts counts = counts_of(plan, extras, known, epochs);
  const auto closing = static_cast<double>(closing_epochs_of(plan.config, epochs)),
             all = static_cast<double>(epochs), train = static_cast<double>(known.train),
             val = static_cast<double>(known.val), test = static_cast<double>(known.test);
  // The test counts twice: it is done in fp32, which may take twice as long as bf16.
  double seconds = kTail + over(counts.each_epoch * all + train * closing, known.student_rate) +
                   over(val * (all + closing) + 2 * test, known.evaluation_rate);
  if (passes)
    seconds +=
        known.teacher_training_seconds + over(counts.passes + val + test, known.teacher_rate);
  return seconds;
}

HoursChoice choose_before_passes(const Plan& plan, const std::vector<int64_t>& extras,
                                 const HoursMeasured& known) {
  HoursChoice choice{.hours = *plan.training.hours, .views = plan.views.stored};
  Plan own = plan;
  const auto passes_of = [&](int64_t epochs) {
    return over(counts_of(own, extras, known, epochs).passes, known.teacher_rate);
  };
  choice.epochs_before = most_epochs(own, extras, known, true);
  const double most = kTeachersShare * known.seconds_left;
  if (!own.views.stored && known.teacher_rate > 0) {
    // If the usual number of views takes the teachers too long, they get as many as fit into their
    // share of the time.
    const int64_t epochs = std::max<int64_t>(1, choice.epochs_before);
    if (passes_of(epochs) > most) {
      own.views.stored = 1;
      const int64_t by_one = std::max<int64_t>(1, most_epochs(own, extras, known, true));
      const double one = passes_of(by_one);
      own.views.stored = std::max<int64_t>(1, static_cast<int64_t>(most / std::max(one, 1e-9)));
      choice.views = own.views.stored;
      choice.epochs_before = most_epochs(own, extras, known, true);
    }
  }
  check_one_epoch(own, extras, known, true, choice.epochs_before);
  return choice;
}

int64_t choose_epochs(const Plan& plan, const std::vector<int64_t>& extras,
                      const HoursMeasured& known) {
  const int64_t epochs = most_epochs(plan, extras, known, false);
  check_one_epoch(plan, extras, known, false, epochs);
  return epochs;
}

Plan with_choice(Plan plan, const HoursChoice& choice, int64_t epochs) {
  plan.training.options.epochs = epochs;
  plan.views.stored = choice.views;
  plan.training.closing_epochs = closing_epochs_of(plan.config, epochs);
  return plan;
}

HoursChoice begin_hours(Plan& plan, OpenData& data, PreparedTeachers& teachers,
                        const fs::path& file, bool resume, double seconds_gone,
                        const Context& context) {
  std::optional<HoursChoice> kept = resume ? read_choice(file) : std::nullopt;
  if (kept)
    context.log.info("--hours " + significant(kept->hours, 4) + ": goes on with the " +
                     std::to_string(kept->epochs) + " epochs that were chosen before");
  const HoursChoice choice = kept ? *kept : estimate(plan, data, teachers, seconds_gone, context);
  plan = with_choice(plan, choice, choice.epochs_before);
  open_extras(plan, teachers, context, data);
  return choice;
}

void finish_hours(Plan& plan, const OpenData& data, const FittedTeachers& teachers,
                  const fs::path& file, double seconds_gone, const Context& context,
                  HoursChoice& choice) {
  if (choice.epochs == 0) {
    choice.epochs =
        settled(plan, data, teachers, file.parent_path(), seconds_gone, context, choice);
    write_choice(file, choice);
  }
  plan = with_choice(plan, choice, choice.epochs);
}

}  // namespace retort::run
