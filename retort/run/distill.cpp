#include "retort/run/distill.h"

#include <ATen/Parallel.h>

#include <optional>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/safetensors.h"
#include "retort/report/text.h"
#include "retort/run/evaluate_student.h"
#include "retort/run/fit_teachers.h"
#include "retort/run/forecast_run.h"
#include "retort/run/hours.h"
#include "retort/run/inputs.h"
#include "retort/run/opened.h"
#include "retort/run/report_run.h"
#include "retort/run/run_claim.h"
#include "retort/run/run_folder.h"
#include "retort/run/train_student.h"
#include "retort/run/trained_teacher.h"
#include "retort/version.h"

namespace retort::run {
namespace fs = std::filesystem;
namespace {

bool holds_pictures(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator();
       it.increment(error))
    if (it->path().has_extension() && data::is_image_name(it->path())) return true;
  return false;
}

// Who reads the images passes over run folders: among a class's images, one would hide the class.
void check_apart(const Plan& plan) {
  std::error_code error;
  const bool same = fs::equivalent(plan.data.path, plan.out, error) && !error;
  if (same || holds_pictures(plan.out))
    throw UsageError(
        same ? "is the folder of the images" : "holds pictures",
        "--out " + printable(plan.out.string()),
        "name a folder for the run alone, such as " + printable((plan.out / "run").string()));
}

// The seconds of one step, added where they belong.
class Timed {
 public:
  explicit Timed(double& seconds) : seconds_(seconds) {}
  ~Timed() { seconds_ += watch_.seconds(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& seconds_;
  Stopwatch watch_;
};

// Those that are to be trained on the task first are, and take the place of those that are given.
void train_teachers_first(Plan& plan, const std::vector<std::string>& classes,
                          PreparedTeachers& teachers, bool force, const Context& context) {
  if (!plan.teachers.trained_first()) return;
  plan.teachers = train_teachers(plan, plan.out / "teacher", force, context).teachers;
  teachers = prepare_teachers(plan, plan.teachers, classes, context);
}

void keep_head(const RunFolder& folder, const FittedTeachers& fitted) {
  if (!fitted.head) return;
  write_safetensors(folder.root / "teacher_head.safetensors",
                    {{"weight", fitted.head->weight}, {"bias", fitted.head->bias}});
}

DataSummary data_summary(const Plan& plan, const OpenData& data) {
  return {.path = plan.data.path,
          .labelled_by_teacher = plan.data.unlabelled(),
          .splits = plan.data.splits,
          .max_skipped = plan.data.max_skipped,
          .classes = static_cast<int64_t>(data.manifest.classes.size()),
          .train = data.train.size(),
          .val = data.val.size(),
          .test = data.test.size()};
}

std::vector<ExtraSummary> extras_summary(const Plan& plan, const OpenData& data) {
  std::vector<ExtraSummary> all;
  for (const ExtraSource& extra : data.extras)
    all.push_back(
        {.path = extra.given.path.string(),
         .ratio = extra.given.ratio,
         .images = extra.found,
         .used = extra.images.size(),
         .labels = plan.data.trusts_extra_labels,
         .share =
             static_cast<double>(extra.each_epoch) / static_cast<double>(data.images_an_epoch()),
         .selected = extra.selection ? extra.selection->per_class : std::vector<int64_t>{}});
  return all;
}

// All that the summary says of the run as a whole.
void describe(const Plan& plan, const OpenData& data, const TrainedStudent& student,
              RunSummary& summary) {
  const train::TrainResult& result = student.result;
  summary.version = kVersion;
  summary.data = data_summary(plan, data);
  summary.extras = extras_summary(plan, data);
  summary.skipped = data.skipped;
  summary.epochs = result.epochs;
  summary.image_steps = data.images_an_epoch() * result.epochs;
  summary.closing = student.closing;
  if (student.closing) summary.image_steps += student.closing->images * student.closing->epochs;
  summary.images_per_second = result.images_per_second;
  summary.seed = static_cast<int64_t>(plan.training.seed);
  summary.threads = at::get_num_threads();
  summary.device = plan.device.str();
  summary.precision = models::to_string(plan.precision);
}

// The run itself, step by step.
RunSummary carry_out(const Plan& given, const DistillOptions& options, const RunFolder& folder,
                     const Context& context) {
  const Stopwatch since_start;
  RunSummary summary;
  std::optional<Opened> opened;
  {
    const Timed timed(summary.seconds.data);
    opened.emplace(open_all(given, context, &summary.inputs));
  }
  auto& [plan, teachers, data] = *opened;
  std::optional<HoursChoice> hours;
  if (plan.training.hours) {
    const Timed timed(summary.seconds.forecast);
    hours = begin_hours(plan, data, teachers, folder.hours(), options.resume, since_start.seconds(),
                        context);
  }
  if (options.forecast && !options.resume) {
    const Timed timed(summary.seconds.forecast);
    const Forecast forecast = forecast_run(plan, data, teachers, context);
    summary.forecast = to_json(forecast);
    context.log.info(text_of(forecast));
  }
  const Stopwatch since_forecast;
  FittedTeachers fitted;
  {
    const Timed timed(summary.seconds.teacher);
    train_teachers_first(plan, data.manifest.classes, teachers, options.force, context);
    fitted = fit_teachers(plan, data, teachers, context);
    keep_head(folder, fitted);
  }
  if (hours) {
    const Timed timed(summary.seconds.forecast);
    finish_hours(plan, data, fitted, folder.hours(), since_start.seconds(), context, *hours);
  }
  summary.teacher = fitted.summary;
  const TrainedStudent student =
      train_student(plan, data, fitted, summary.inputs, folder, options.resume, context);
  summary.seconds.training = student.result.seconds;
  {
    const Timed timed(summary.seconds.evaluation);
    summary.student = evaluate_student(plan, data, student, folder, context);
  }
  describe(plan, data, student, summary);
  if (!summary.forecast.is_null()) {
    summary.forecast["taken_seconds"] = since_forecast.seconds();
    context.log.info("took " + report::duration(since_forecast.seconds()) +
                     " where the forecast said " +
                     report::duration(summary.forecast["seconds"].get<double>()));
  }
  return summary;
}

// What the run in the folder, finished or not, was made of and is no longer so; empty where all of
// it is, or nothing was made yet.
std::string changed_inputs(const RunFolder& folder, const Plan& plan) {
  std::error_code error;
  nlohmann::json made_of;
  if (fs::exists(folder.summary(), error)) {
    made_of = read_json(folder.summary()).value("inputs", nlohmann::json::object());
  } else if (fs::exists(folder.inputs(), error)) {
    made_of = read_json(folder.inputs());
  } else {
    return "";
  }
  return differences(inputs_from(made_of),
                     inputs_of(plan, manifest_of(plan.data), null_log(), never_stop()));
}

bool holds_this_run(const RunFolder& folder, const Plan& plan) {
  return read_file(folder.config()) == to_toml(plan.config);
}

bool is_finished(const Plan& plan) {
  const RunFolder folder{plan.out};
  std::error_code error;
  return fs::exists(folder.summary(), error) && fs::exists(folder.config(), error) &&
         holds_this_run(folder, plan) && changed_inputs(folder, plan).empty();
}

RunSummary read_summary(const RunFolder& folder) {
  return summary_from(read_json(folder.summary()), folder.summary().string());
}

void write_summary(const RunFolder& folder, const RunSummary& summary) {
  write_file_atomic(folder.summary(), to_json(summary).dump(2) + "\n");
}

// Of a finished run. Its report may be missing where it was killed at the very end.
RunSummary finished_before(const RunFolder& folder) {
  remove_abandoned(folder.root, /*below=*/false);
  std::error_code error;
  if (!fs::exists(folder.report(), error)) write_report(folder.root, {});
  return read_summary(folder);
}

}  // namespace

Forecast forecast(const RunConfig& config, Log& log, const StopFlag& stop, bool cold) {
  const Context context{log, stop};
  const Stopwatch watch;
  auto [plan, teachers, data] = open_all(resolve(config), context);
  if (plan.training.hours)
    begin_hours(plan, data, teachers, {}, /*resume=*/false, watch.seconds(), context);
  return forecast_run(plan, data, teachers, context, cold);
}

RunSummary distill(const RunConfig& config, const DistillOptions& options, Log& log,
                   const StopFlag& stop) {
  const Plan plan = resolve(config);
  check_apart(plan);
  const std::string toml = to_toml(plan.config);
  const bool goes_on =
      options.force || (options.resume && has_unfinished_replacement(plan.out, toml));
  if (!goes_on && is_finished(plan)) {
    if (const auto holder = FolderLock::holder(plan.out)) throw_in_use(plan.out, *holder);
    log.info(plan.out.string() +
             " holds this very run, finished: nothing is trained again (--force starts it over)");
    return finished_before(RunFolder{plan.out});
  }

  RunClaim claim(plan.out, toml, options);
  if (claim.is_done()) {
    if (is_finished(plan)) return finished_before(RunFolder{plan.out});
    throw Error("holds a finished run with these settings that was made of other files: " +
                    changed_inputs(RunFolder{plan.out}, plan),
                plan.out.string(),
                "choose another --out, or --force to train again and then take its place");
  }
  DistillOptions own = options;
  own.resume = claim.resumes();
  RunSummary summary;
  try {
    FileLog file_log(claim.folder().log(), log, own.resume);
    summary = carry_out(plan, own, claim.folder(), {file_log, stop});
    write_summary(claim.folder(), summary);
  } catch (const Interrupted&) {
    throw;
  } catch (...) {
    claim.fail();
    throw;
  }
  claim.finish();
  {
    const Timed timed(summary.seconds.evaluation);
    write_report(plan.out, {});
  }
  write_summary(RunFolder{plan.out}, summary);
  return summary;
}

bool is_finished(const RunConfig& config) { return is_finished(resolve(config)); }

RunSummary distill_once(const RunConfig& config, Log& log, const StopFlag& stop, bool force) {
  const Plan plan = resolve(config);
  const RunFolder folder{plan.out};
  std::error_code error;
  if (force || !fs::exists(folder.config(), error))
    return distill(config, {.force = force}, log, stop);
  if (!holds_this_run(folder, plan))
    return distill(config, {.resume = true}, log, stop);  // which says what it holds
  const std::string changed = changed_inputs(folder, plan);
  if (!changed.empty()) {
    log.warn(folder.root.string() + " was made of other files than are there now (" + changed +
             "): it is made anew");
    const bool begun = has_unfinished_replacement(plan.out, to_toml(plan.config));
    return distill(config, {.resume = begun, .force = !begun}, log, stop);
  }
  if (fs::exists(folder.summary(), error)) return finished_before(folder);
  return distill(config, {.resume = true}, log, stop);
}

}  // namespace retort::run
