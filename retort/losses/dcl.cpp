#include <ATen/Functions.h>

#include <limits>

#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// Decoupled contrastive learning (Yeh et al. 2022, arXiv 2110.06848, equation 6): InfoNCE without
// the positive pair in the denominator,
//   mean over i of −sᵢ·tᵢ/T + log Σ_{j≠i} ( exp(sᵢ·sⱼ/T) + exp(sᵢ·tⱼ/T) ).
class Decoupled : public EmbeddingLoss {
 public:
  explicit Decoupled(const LossContext& context)
      : EmbeddingLoss(context), temperature_(option(context, "temperature", 0.001, 100)) {}

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& /*step*/) override {
    const at::Tensor own = at::eye(s.size(0), s.options().dtype(at::kBool));
    const auto others = [&](const at::Tensor& cosine) {
      return (cosine / temperature_).masked_fill(own, -std::numeric_limits<double>::infinity());
    };
    const at::Tensor across = cosines(s, t);
    const at::Tensor negatives = at::cat({others(cosines(s, s)), others(across)}, 1);
    return (at::logsumexp(negatives, {1}) - across.diagonal() / temperature_).mean();
  }

 private:
  double temperature_;
};

RETORT_REGISTER_LOSS(
    {.name = "dcl",
     .kind = Kind::embedding,
     .summary =
         "decoupled contrastive learning: the positive pair is no negative (Yeh et al. 2022)",
     .weight = 1,
     .options = with_projectors({{"temperature", 0.1}}),
     .make = [](const LossContext& context) { return std::make_shared<Decoupled>(context); }});

}  // namespace
}  // namespace retort::losses
