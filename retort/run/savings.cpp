#include "retort/run/savings.h"

#include "retort/core/text.h"
#include "retort/models/registry.h"
#include "retort/run/compare_budget.h"
#include "retort/run/pretraining.h"
#include "retort/train/speed.h"

namespace retort::run {
namespace {

// Lists the image-steps of each arm, with those of pre-training.
std::string counted(const std::vector<report::Arm>& arms, int64_t steps, double speed) {
  std::string text = " Pre-training is " + count(steps) + " image-steps, " +
                     fixed(static_cast<double>(steps) / speed / 3600, 0) +
                     " h at this machine's rate. With them:";
  const char* separator = " ";
  for (const report::Arm& arm : arms) {
    const int64_t all = arm.image_steps + arm.pretraining_steps;
    text += separator + arm.name + " " + count(all) + " image-steps";
    if (arm.pretraining_steps == 0)
      text += " (" + significant(100 * static_cast<double>(all) / static_cast<double>(steps), 2) +
              " % of pre-training's)";
    separator = ", ";
  }
  return text + ".";
}

}  // namespace

void estimate_savings(const Plan& base, Budget budget, int64_t images,
                      const std::vector<ArmPlan>& arms, report::Comparison& comparison, Log& log) {
  const std::optional<Pretraining> published = pretraining_of(base.student.name);
  if (!published) {
    comparison.pretraining =
        "No pre-training schedule is published for " + base.student.title() + ".";
    return;
  }
  log.info("measuring how fast this machine would pre-train " + base.student.name);
  const models::ModelPtr model = models::make_model({base.student.name, 1000});
  model->to(base.device);
  const double speed =
      train::training_speed(*model, published->size, batch_size_for(base.training, images),
                            base.precision, /*muon=*/false);
  const int64_t steps = published->epochs * published->images;
  const double pretraining = static_cast<double>(steps) / speed;
  for (size_t i = 0; i < arms.size(); ++i) {
    report::Arm& arm = comparison.arms[i];
    if (is_pretrained(arms[i].kind)) arm.pretraining_steps = steps;
    if (arms[i].kind != ArmKind::distill) continue;
    arm.saved = 100 * (1 - (arm.training_seconds + arm.teacher_seconds) /
                               (pretraining + arm.training_seconds));
  }
  comparison.pretraining = "Saved: of the time to pre-train the student on ImageNet (" +
                           std::to_string(published->epochs) + " epochs, " + published->source +
                           "; at the " + fixed(speed, 0) +
                           " images/s that this machine trains it at " +
                           std::to_string(published->size) + " px, " + duration(pretraining) +
                           ") and then to train as long again.";
  if (budget == Budget::paper)
    comparison.pretraining += counted(best_of_lengths(arms, comparison.arms), steps, speed);
}

}  // namespace retort::run
