#include "retort/run/distill.h"

#include <optional>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/safetensors.h"
#include "retort/core/text.h"
#include "retort/run/describe_run.h"
#include "retort/run/evaluate_student.h"
#include "retort/run/finished_run.h"
#include "retort/run/fit_teachers.h"
#include "retort/run/forecast_run.h"
#include "retort/run/hours.h"
#include "retort/run/network_costs.h"
#include "retort/run/objects.h"
#include "retort/run/opened.h"
#include "retort/run/report_run.h"
#include "retort/run/run_claim.h"
#include "retort/run/run_folder.h"
#include "retort/run/seen_images.h"
#include "retort/run/together.h"
#include "retort/run/train_student.h"

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

// Refuses an `out` among the images: a folder that holds a run is skipped where images are read, so
// that a run among the images of a class would hide the class.
void check_apart(const Plan& plan) {
  std::error_code error;
  const bool same = fs::equivalent(plan.data.path, plan.out, error) && !error;
  if (same || holds_pictures(plan.out))
    throw UsageError(
        same ? "is the folder of the images" : "holds pictures",
        "--out " + printable(plan.out.string()),
        "name a folder for the run alone, such as " + printable((plan.out / "run").string()));
}

// Adds the seconds of its lifetime to a sum.
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

void keep_head(const RunFolder& folder, const FittedTeachers& fitted) {
  if (!fitted.head) return;
  write_safetensors(folder.root / "teacher_head.safetensors",
                    {{"weight", fitted.head->weight}, {"bias", fitted.head->bias}});
}

void log_forecast(RunSummary& summary, double taken, Log& log) {
  if (summary.forecast.is_null()) return;
  summary.forecast["taken_seconds"] = taken;
  log.info("took " + duration(taken) + " where the forecast said " +
           duration(summary.forecast["seconds"].get<double>()));
}

// The run itself, step by step. All ranks take the same steps; only rank 0 writes and logs.
RunSummary carry_out(const Plan& given, Sources& sources, const DistillOptions& options,
                     const RunFolder& folder, const Context& context) {
  const Stopwatch since_start;
  Ranks& ranks = ranks_of(given.config);
  RunSummary summary;
  std::optional<Opened> opened;
  {
    const Timed timed(summary.seconds.data);
    opened.emplace(
        leader_first(ranks, [&] { return open_all(given, sources.data(context), context); }));
    if (ranks.leads()) summary.inputs = sources.inputs_after_pull(context);
  }
  auto& [plan, teachers, data] = *opened;
  std::optional<HoursChoice> hours;
  if (plan.training.hours) {
    const Timed timed(summary.seconds.forecast);
    hours = begin_hours(plan, data, teachers, folder.hours(), options.resume, since_start.seconds(),
                        context);
  }
  if (ranks.leads() && options.forecast && !options.resume) {
    const Timed timed(summary.seconds.forecast);
    // This measures half as long as where epochs depend on it, because it delays the first step.
    const Forecast forecast = forecast_run(plan, data, teachers, context, {.seconds = 1});
    summary.forecast = to_json(forecast);
    context.log.info(text_of(forecast));
  }
  const Stopwatch since_forecast;
  FittedTeachers fitted;
  {
    const Timed timed(summary.seconds.teacher);
    train_teachers_first(plan, data.manifest.classes, teachers, options.force, context);
    fitted = fit_teachers(plan, data, teachers, context);
    if (ranks.leads()) keep_head(folder, fitted);
  }
  if (hours) {
    const Timed timed(summary.seconds.forecast);
    finish_hours(plan, data, fitted, folder.hours(), since_start.seconds(), context, *hours);
  }
  summary.teacher = fitted.summary;
  const TrainedStudent student =
      train_student(plan, data, fitted, summary.inputs, folder, options.resume, context);
  summary.seconds.training = student.result.seconds;
  if (!ranks.leads()) return summary;
  SeenImages(data.manifest, sources.data(context)).write(folder);
  {
    const Timed timed(summary.seconds.evaluation);
    summary.student = evaluate_student(plan, data, student, folder, context);
    if (summary.teacher) measure_costs(teachers, *summary.teacher);
  }
  describe_run(plan, data, student, summary);
  log_forecast(summary, since_forecast.seconds(), context.log);
  return summary;
}

// Carries the run out in its claimed folder, and finishes the claim.
RunSummary run_claimed(const Plan& plan, Sources& sources, DistillOptions options, RunClaim& claim,
                       Log& log, const StopFlag& stop) {
  options.resume = claim.resumes();
  begin_together(ranks_of(plan.config), {.works = true, .replaces = claim.replaces()}, options);
  RunSummary summary;
  try {
    FileLog file_log(claim.folder().log(), log, options.resume);
    summary = carry_out(plan, sources, options, claim.folder(), {file_log, stop});
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
  meet(ranks_of(plan.config));
  return summary;
}

// The part of a rank other than 0 in a run. It writes only stored outputs, and logs nothing.
RunSummary follow(const Plan& plan, Sources& sources, DistillOptions options,
                  const StopFlag& stop) {
  const RunFolder folder{plan.out};
  const auto [works, replaces] = begin_together(ranks_of(plan.config), {}, options);
  if (works) {
    carry_out(plan, sources, options, replaces ? replacement_of(folder) : folder,
              {null_log(), stop});
    meet(ranks_of(plan.config));
  }
  return read_finished(folder);
}

RunSummary finished_together(const Plan& plan, DistillOptions options) {
  begin_together(ranks_of(plan.config), {.works = false}, options);
  return read_finished(RunFolder{plan.out});
}

RunSummary distill(const Plan& plan, Sources& sources, const DistillOptions& options, Log& log,
                   const StopFlag& stop) {
  check_apart(plan);
  if (ranks_of(plan.config).size() > 1 && plan.training.hours)
    throw UsageError("is for one process", "--hours", "name the --epochs");
  if (!ranks_of(plan.config).leads()) return follow(plan, sources, options, stop);
  const Context context{log, stop};
  const RunFolder folder{plan.out};
  const std::string toml = to_toml(plan.config);
  const bool goes_on =
      options.force || (options.resume && has_unfinished_replacement(plan.out, toml));
  if (!goes_on && is_finished(plan, sources, context)) {
    if (const auto holder = FolderLock::holder(plan.out)) throw_in_use(plan.out, *holder);
    log.info(plan.out.string() +
             " holds this very run, finished: nothing is trained again (--force starts it over)");
    return finished_together(plan, options);
  }
  RunClaim claim(plan.out, toml, options);
  if (!claim.is_done()) return run_claimed(plan, sources, options, claim, log, stop);
  if (is_finished(plan, sources, context)) return finished_together(plan, options);
  throw Error("holds a finished run with these settings that was made of other files: " +
                  changed_inputs(folder, sources, context),
              plan.out.string(),
              "choose another --out, or --force to train again and then take its place");
}

}  // namespace

Forecast forecast(const Plan& given, Log& log, const StopFlag& stop, bool cold) {
  const Context context{log, stop};
  const Stopwatch watch;
  auto [plan, teachers, data] = open_all(given, list_data(given, context), context);
  if (plan.training.hours)
    begin_hours(plan, data, teachers, {}, /*resume=*/false, watch.seconds(), context);
  return forecast_run(plan, data, teachers, context, {.cold = cold});
}

Forecast forecast(const RunConfig& config, Log& log, const StopFlag& stop) {
  return forecast(resolve(config), log, stop);
}

RunSummary distill(const RunConfig& config, const DistillOptions& options, Log& log,
                   const StopFlag& stop) {
  const Plan plan = resolve(config);
  Sources sources(plan);
  return distill(plan, sources, options, log, stop);
}

bool is_finished(const Plan& plan) {
  Sources sources(plan);
  return is_finished(plan, sources, {null_log(), never_stop()});
}

RunSummary distill_once(const Plan& plan, Log& log, const StopFlag& stop, bool force) {
  Sources sources(plan);
  const RunFolder folder{plan.out};
  std::error_code error;
  if (force || !fs::exists(folder.config(), error))
    return distill(plan, sources, {.force = force}, log, stop);
  if (!holds_this_run(folder, plan))
    return distill(plan, sources, {.resume = true}, log, stop);  // its error says what is there
  const std::string changed = changed_inputs(folder, sources, {log, stop});
  if (!changed.empty()) {
    log.warn(folder.root.string() + " was made of other files than are there now (" + changed +
             "): it is made anew");
    const bool begun = has_unfinished_replacement(plan.out, to_toml(plan.config));
    return distill(plan, sources, {.resume = begun, .force = !begun}, log, stop);
  }
  if (fs::exists(folder.summary(), error)) return read_finished(folder);
  return distill(plan, sources, {.resume = true}, log, stop);
}

}  // namespace retort::run
