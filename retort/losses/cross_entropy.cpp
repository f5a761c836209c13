#include <ATen/Functions.h>

#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

class CrossEntropy : public Loss {
 public:
  explicit CrossEntropy(const LossContext& context) : label_smoothing_(option(context, "label_smoothing", 0, 0.999)) {}

  at::Tensor forward(const StepView& step) override {
    return at::cross_entropy_loss(step.student_logits, step.labels, {}, at::Reduction::Mean, /*ignore_index=*/-100, label_smoothing_);
  }

 private:
  double label_smoothing_;
};

RETORT_REGISTER_LOSS({.name = "cross_entropy",
                      .kind = Kind::label,
                      .summary = "cross-entropy with the labels, optionally smoothed (Szegedy et al. 2016)",
                      .weight = 1,
                      .options = {{"label_smoothing", 0}},
                      .make = [](const LossContext& context) { return std::make_shared<CrossEntropy>(context); }});

}  // namespace
}  // namespace retort::losses
