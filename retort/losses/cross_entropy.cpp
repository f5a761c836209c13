#include <ATen/Functions.h>

#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

class CrossEntropy : public Loss {
 public:
  explicit CrossEntropy(const LossContext& context)
      : label_smoothing_(option(context, "label_smoothing", 0, 0.999)) {}

  at::Tensor forward(const StepView& step) override {
    if (!step.partner_labels.defined())
      return entropy(step.student_logits, step.labels, at::Reduction::Mean);
    const at::Tensor own = entropy(step.student_logits, step.labels, at::Reduction::None);
    const at::Tensor partner =
        entropy(step.student_logits, step.partner_labels, at::Reduction::None);
    return (step.label_share * own + (1 - step.label_share) * partner).mean();
  }

 private:
  at::Tensor entropy(const at::Tensor& logits, const at::Tensor& labels,
                     at::Reduction::Reduction reduction) const {
    return at::cross_entropy_loss(logits, labels, {}, reduction, /*ignore_index=*/-100,
                                  label_smoothing_);
  }
  double label_smoothing_;
};

RETORT_REGISTER_LOSS(
    {.name = "cross_entropy",
     .kind = Kind::label,
     .summary = "cross-entropy with the labels, optionally smoothed (Szegedy et al. 2016)",
     .weight = 1,
     .options = {{"label_smoothing", 0}},
     .make = [](const LossContext& context) { return std::make_shared<CrossEntropy>(context); }});

}  // namespace
}  // namespace retort::losses
