#include <ATen/Functions.h>

#include "retort/core/error.h"
#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// Decoupled knowledge distillation (Zhao et al. 2022, arXiv 2203.08679, equation 7): α · KL between
// the probabilities of the true class and of all others together, plus β · KL between the
// probabilities among the other classes, at temperature T, times T². The defaults are their
// CIFAR-100 settings. For an image without a label the teacher's most probable class counts as the
// true one.
class DecoupledDistillation : public Loss {
 public:
  explicit DecoupledDistillation(const LossContext& context)
      : alpha_(option(context, "alpha", 0, 1e6)),
        beta_(option(context, "beta", 0, 1e6)),
        temperature_(option(context, "temperature", 0.01, 1000)) {
    if (context.classes < 2) throw UsageError("needs at least two classes", "loss `dkd`");
  }

  at::Tensor forward(const StepView& step) override {
    check_logits(step, "dkd");
    const at::Tensor labels =
        at::where(step.labels.lt(0), step.teacher_logits.argmax(1), step.labels);
    const at::Tensor target = at::one_hot(labels, step.student_logits.size(1)).to(at::kBool);
    const at::Tensor student = step.student_logits / temperature_,
                     teacher = step.teacher_logits / temperature_;
    const at::Tensor target_term =
        divergence(target_against_rest(student, target), target_against_rest(teacher, target));
    const at::Tensor other_term =
        divergence(among_others(student, target), among_others(teacher, target));
    return (alpha_ * target_term + beta_ * other_term) * (temperature_ * temperature_);
  }

 private:
  // Log-probabilities of the true class and of all others together, [N, 2].
  static at::Tensor target_against_rest(const at::Tensor& logits, const at::Tensor& target) {
    const at::Tensor total = at::logsumexp(logits, {1});
    const at::Tensor own = logits.masked_select(target);
    return at::stack({own - total, at::logsumexp(others(logits, target), {1}) - total}, 1);
  }
  // Log-probabilities of each other class, given that the class is not the true one, [N, C − 1].
  static at::Tensor among_others(const at::Tensor& logits, const at::Tensor& target) {
    return at::log_softmax(others(logits, target), 1);
  }
  static at::Tensor others(const at::Tensor& logits, const at::Tensor& target) {
    return logits.masked_select(target.logical_not()).view({logits.size(0), -1});
  }
  static at::Tensor divergence(const at::Tensor& student, const at::Tensor& teacher) {
    return at::kl_div(student, teacher, at::Reduction::Sum, /*log_target=*/true) / student.size(0);
  }

  double alpha_, beta_, temperature_;
};

RETORT_REGISTER_LOSS(
    {.name = "dkd",
     .kind = Kind::logit,
     .summary =
         "decoupled knowledge distillation: the true class and the others apart (Zhao et al. 2022)",
     .weight = 1,
     .options = {{"alpha", 1}, {"beta", 8}, {"temperature", 4}},
     .make = [](const LossContext& context) {
       return std::make_shared<DecoupledDistillation>(context);
     }});

}  // namespace
}  // namespace retort::losses
