// Every registered loss, forward and backward, at batches of 64 to 4,096: its cost in a training
// step besides the student.
#include <torch/utils.h>

#include "bench/bench.h"
#include "retort/losses/loss.h"

namespace bench::of_losses {
namespace {

using namespace retort;

// A MobileNetV2 taught by a ResNet-50 on a hundred classes.
constexpr int64_t kStudentDim = 1280, kTeacherDim = 2048, kClasses = 100, kImages = 20000;

losses::StepView batch(int64_t n) {
  losses::StepView step;
  step.student_features = at::randn({n, kStudentDim}).requires_grad_();
  step.student_logits = at::randn({n, kClasses}).requires_grad_();
  step.teacher_features = at::randn({n, kTeacherDim});
  step.teacher_logits = at::randn({n, kClasses});
  step.labels = at::randint(kClasses, {n}, at::kLong);
  step.image_ids = at::randperm(kImages).narrow(0, 0, n);
  return step;
}

void run(const std::vector<std::string>&, Results& results) {
  torch::manual_seed(0);
  const at::Tensor labels = at::randint(kClasses, {kImages}, at::kLong);
  for (const losses::LossEntry& entry : losses::losses()) {
    const auto loss =
        entry.make({kStudentDim, kTeacherDim, kClasses, kImages, labels,
                    at::randn({kClasses, kTeacherDim}), at::zeros({kClasses}), entry.options});
    for (const int64_t n : {64, 256, 1024, 4096}) {
      const losses::StepView step = batch(n);
      const double seconds = seconds_a_call([&] { loss->forward(step).backward(); }, 3);
      results.add("loss_ms." + entry.name + "." + std::to_string(n), 1e3 * seconds,
                  "ms, forward + backward");
    }
  }
}

}  // namespace

Part part() { return {"losses", {}, run}; }

}  // namespace bench::of_losses
