#include "retort/losses/align_uniform.h"

#include <cmath>
#include <limits>

#include <ATen/Functions.h>

#include "retort/core/error.h"
#include "retort/losses/embedding_loss.h"

namespace retort::losses {

at::Tensor alignment(const at::Tensor& s, const at::Tensor& t, double alpha) {
  const at::Tensor difference = s - t;
  // This avoids the square root, whose gradient has no limit at 0.
  if (alpha == 2) return difference.square().sum(1).mean();
  return at::linalg_vector_norm(difference, 2, {1}).pow(alpha).mean();
}

at::Tensor uniformity(const at::Tensor& z, double t) {
  const int64_t n = z.size(0);
  if (n < 2) throw Error("uniformity needs at least two images in a batch", "loss `align_uniform`");
  // ‖zi − zj‖² = 2 − 2·zi·zj on the unit sphere. The matrix has every pair twice; the diagonal is
  // left out.
  const at::Tensor cosine =
      at::matmul(z, z.t()).fill_diagonal_(-std::numeric_limits<double>::infinity());
  return at::logsumexp((cosine - 1) * (2 * t), at::IntArrayRef({0, 1})) -
         std::log(static_cast<double>(n) * static_cast<double>(n - 1));
}

namespace {

class AlignUniform : public EmbeddingLoss {
 public:
  explicit AlignUniform(const LossContext& context)
      : EmbeddingLoss(context),
        alpha_(option(context, "alpha", 1, 100)),
        t_(option(context, "t", 0.001, 100)),
        align_weight_(option(context, "align_weight", 0, 1e6)),
        uniform_weight_(option(context, "uniform_weight", 0, 1e6)) {
    if (align_weight_ + uniform_weight_ == 0)
      throw UsageError("must not both be 0", "loss options `align_weight` and `uniform_weight`");
  }

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& /*step*/) override {
    return align_weight_ * alignment(s, t, alpha_) +
           uniform_weight_ * 0.5 * (uniformity(s, t_) + uniformity(t, t_));
  }

 private:
  double alpha_, t_, align_weight_, uniform_weight_;
};

RETORT_REGISTER_LOSS(
    {.name = "align_uniform",
     .kind = Kind::embedding,
     .summary =
         "alignment and uniformity of projected features (Wang & Isola 2020; Farhat & Chen 2024)",
     .weight = 0.8,
     .options =
         with_projectors({{"alpha", 2}, {"t", 2}, {"align_weight", 1}, {"uniform_weight", 1}}),
     .make = [](const LossContext& context) { return std::make_shared<AlignUniform>(context); }});

}  // namespace
}  // namespace retort::losses
