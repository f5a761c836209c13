#include <ATen/Functions.h>

#include <cmath>

#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// The pairwise sigmoid loss of SigLIP (Zhai et al. 2023, arXiv 2303.15343, equation 1 and its
// initial values): every pair of the batch is a binary classification,
//   −1/N Σᵢⱼ log σ( zᵢⱼ (a·sᵢ·tⱼ + b) ),  zᵢⱼ = 1 on the diagonal and −1 elsewhere; log a and b are
//   learned.
class Sigmoid : public EmbeddingLoss {
 public:
  explicit Sigmoid(const LossContext& context) : EmbeddingLoss(context) {
    log_scale_ = register_parameter("log_scale",
                                    at::full({}, std::log(option(context, "scale", 0.01, 1000))));
    bias_ = register_parameter("bias", at::full({}, option(context, "bias", -1000, 1000)));
  }

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& /*step*/) override {
    const at::Tensor sign = 2 * at::eye(s.size(0), s.options()) - 1;
    const at::Tensor logits = cosines(s, t) * log_scale_.exp() + bias_;
    return -at::log_sigmoid(sign * logits).sum() / s.size(0);
  }

 private:
  at::Tensor log_scale_, bias_;
};

RETORT_REGISTER_LOSS(
    {.name = "sigmoid",
     .kind = Kind::embedding,
     .summary = "pairwise sigmoid loss with learned scale and bias (SigLIP, Zhai et al. 2023)",
     .weight = 1,
     .options = with_projectors({{"scale", 10}, {"bias", -10}}),
     .make = [](const LossContext& context) { return std::make_shared<Sigmoid>(context); }});

}  // namespace
}  // namespace retort::losses
