#include <ATen/Functions.h>

#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// 1 − the mean over rows of Pearson's correlation of a and b.
at::Tensor distance(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kEps = 1e-8;  // as in the authors' code
  const at::Tensor x = a - a.mean({1}, true), y = b - b.mean({1}, true);
  const at::Tensor norms = at::linalg_vector_norm(x, 2, {1}) * at::linalg_vector_norm(y, 2, {1});
  return 1 - ((x * y).sum(1) / (norms + kEps)).mean();
}

// DIST (Huang et al. 2022, arXiv 2205.10536, equations 9 to 11): correlation instead of KL: of each
// image's probabilities over the classes (β, inter) and of each class's probabilities over the
// batch (γ, intra), at temperature T, times T². The defaults are their ImageNet settings.
class Dist : public Loss {
 public:
  explicit Dist(const LossContext& context)
      : beta_(option(context, "beta", 0, 1e6)),
        gamma_(option(context, "gamma", 0, 1e6)),
        temperature_(option(context, "temperature", 0.01, 1000)) {}

  at::Tensor forward(const StepView& step) override {
    check_logits(step, "dist");
    const at::Tensor student = at::softmax(step.student_logits / temperature_, 1),
                     teacher = at::softmax(step.teacher_logits / temperature_, 1);
    const at::Tensor value =
        beta_ * distance(student, teacher) + gamma_ * distance(student.t(), teacher.t());
    return value * (temperature_ * temperature_);
  }

 private:
  double beta_, gamma_, temperature_;
};

RETORT_REGISTER_LOSS(
    {.name = "dist",
     .kind = Kind::logit,
     .summary = "correlation of probabilities, by image and by class (DIST, Huang et al. 2022)",
     .weight = 1,
     .options = {{"beta", 1}, {"gamma", 1}, {"temperature", 1}},
     .make = [](const LossContext& context) { return std::make_shared<Dist>(context); }});

}  // namespace
}  // namespace retort::losses
