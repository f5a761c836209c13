#include "retort/run/savings.h"

#include "retort/core/text.h"
#include "retort/models/registry.h"
#include "retort/run/pretraining.h"
#include "retort/train/speed.h"

namespace retort::run {

void estimate_savings(const Plan& base, int64_t images, const std::vector<ArmPlan>& arms,
                      report::Comparison& comparison, Log& log) {
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
  const double pretraining = static_cast<double>(published->epochs * published->images) / speed;
  for (size_t i = 0; i < arms.size(); ++i) {
    if (arms[i].kind != ArmKind::distill) continue;
    report::Arm& arm = comparison.arms[i];
    arm.saved = 100 * (1 - (arm.training_seconds + arm.teacher_seconds) /
                               (pretraining + arm.training_seconds));
  }
  comparison.pretraining = "Saved: of the time to pre-train the student on ImageNet (" +
                           std::to_string(published->epochs) + " epochs, " + published->source +
                           "; at the " + fixed(speed, 0) +
                           " images/s that this machine trains it at " +
                           std::to_string(published->size) + " px, " + duration(pretraining) +
                           ") and then to train as long again.";
}

}  // namespace retort::run
