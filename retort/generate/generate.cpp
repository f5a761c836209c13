#include "retort/generate/generate.h"

#include <utility>

#include "retort/core/error.h"
#include "retort/generate/command_engine.h"

namespace retort::generate {
namespace {

std::string times(const SetPlan& plan) {
  return std::to_string(plan.classes.size()) + (plan.classes.size() == 1 ? " class" : " classes") +
         " × " + std::to_string(plan.per_class) + " images";
}

// Reports progress with a rate and an ETA from the first step of the first image on, since an image
// may take minutes.
class Pace {
 public:
  Pace(Log& log, const StopFlag& stop, int64_t total, int64_t already)
      : log_(log), stop_(stop), already_(already) {
    state_ = {.task = "generating",
              .done = already,
              .total = total,
              .per_second = 0,
              .eta_seconds = 0,
              .detail = ""};
  }

  void step(int64_t done, int64_t total, const std::string& label) {
    const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
    report(static_cast<double>(state_.done) + part,
           label + ", step " + std::to_string(done) + "/" + std::to_string(total));
    if (stop_.load() && !std::exchange(told_, true))
      log_.info("stopping after this image; once more stops at once");
  }

  void image(const std::string& label) {
    ++state_.done;
    report(static_cast<double>(state_.done), label);
  }

 private:
  void report(double done, const std::string& detail) {
    const double made = done - static_cast<double>(already_);
    if (made <= 0) return;
    Progress now = state_;
    now.per_second = made / watch_.seconds();
    now.eta_seconds = (static_cast<double>(now.total) - done) / now.per_second;
    now.detail = detail;
    if (now.per_second < 1) {
      char each[48];
      std::snprintf(each, sizeof each, ", %.1f s an image", 1 / now.per_second);
      now.detail += each;
    }
    log_.progress(now);
  }

  Log& log_;
  const StopFlag& stop_;
  int64_t already_;
  Progress state_;
  Stopwatch watch_;
  bool told_ = false;
};

std::unique_ptr<Engine> make_engine(const GenerateConfig& config, Log& log, const StopFlag& stop) {
  if (config.command.empty()) return make_diffusion_engine(config.diffusion, log, stop);
  return make_command_engine(config.command, config.set.out);
}

// The end of the message when generation stops early.
std::string so_far(int64_t present, const ImageSet& set) {
  return std::to_string(present) + " of " + std::to_string(set.planned()) +
         " images are there and listed in " + set.manifest().string() +
         "; the same command goes on from there";
}

}  // namespace

GenerateResult generate(SetPlan plan, Engine& engine, Log& log, const StopFlag& stop) {
  plan.engine = engine.settings();
  const std::string negative = plan.negative_prompt;
  const std::string asked = times(plan), out = plan.out.string();
  ImageSet set(std::move(plan));
  const std::vector<Picture> missing = set.missing();
  const int64_t planned = set.planned();
  int64_t present = planned - static_cast<int64_t>(missing.size());
  log.info(asked + " in " + out + ": " + (missing.empty() ? "all" : std::to_string(present)) +
           " there, " + std::to_string(missing.size()) + " to make");
  if (missing.empty()) return {0, planned, set.manifest()};
  try {
    engine.start(log, stop);
    Pace pace(log, stop, planned, present);
    for (const Picture& next : missing) {
      if (stop.load()) throw Interrupted("stopped");
      const data::Image image =
          engine.make({next.label, next.prompt, negative, next.seed},
                      [&](int64_t done, int64_t total) { pace.step(done, total, next.label); });
      set.add(next, image);
      ++present;
      pace.image(next.label);
    }
  } catch (const Interrupted& stopped) {
    throw Interrupted(stopped.what(), "", so_far(present, set));
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + "\n  " + so_far(present, set));
  }
  set.write_manifest();
  return {static_cast<int64_t>(missing.size()), planned, set.manifest()};
}

GenerateResult generate(const GenerateConfig& config, Log& log, const StopFlag& stop) {
  SetPlan plan = config.set;
  plan.classes = read_prompts(config.prompts);
  log.info(times(plan) + " asked for");
  const std::unique_ptr<Engine> engine = make_engine(config, log, stop);
  return generate(std::move(plan), *engine, log, stop);
}

}  // namespace retort::generate
