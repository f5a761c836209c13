#include <ATen/Functions.h>

#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// T² · KL(softmax(teacher / T) ‖ softmax(student / T)), the mean over images (Hinton, Vinyals &
// Dean 2015, arXiv 1503.02531). The factor T² keeps the size of the gradient when T changes.
class Distillation : public Loss {
 public:
  explicit Distillation(const LossContext& context)
      : temperature_(option(context, "temperature", 0.01, 1000)) {}

  at::Tensor forward(const StepView& step) override {
    check_logits(step, "kd");
    const at::Tensor student = at::log_softmax(step.student_logits / temperature_, 1);
    const at::Tensor teacher = at::log_softmax(step.teacher_logits / temperature_, 1);
    const double scale = temperature_ * temperature_ / static_cast<double>(student.size(0));
    return at::kl_div(student, teacher, at::Reduction::Sum, /*log_target=*/true) * scale;
  }

 private:
  double temperature_;
};

RETORT_REGISTER_LOSS(
    {.name = "kd",
     .kind = Kind::logit,
     .summary = "KL divergence from the teacher's softened logits (Hinton et al. 2015)",
     .weight = 1,
     .options = {{"temperature", 4}},
     .make = [](const LossContext& context) { return std::make_shared<Distillation>(context); }});

}  // namespace
}  // namespace retort::losses
