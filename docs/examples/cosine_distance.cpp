#include <ATen/Functions.h>

#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// The mean over i of 1 − sᵢ·tᵢ: half of BYOL's loss (Grill et al. 2020, arXiv 2006.07733,
// equation 2).
class CosineDistance : public EmbeddingLoss {
 public:
  explicit CosineDistance(const LossContext& context)
      : EmbeddingLoss(context), scale_(option(context, "scale", 0, 1000)) {}

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& /*step*/) override {
    return scale_ * (1 - (s * t).sum(1)).mean();
  }

 private:
  double scale_;
};

RETORT_REGISTER_LOSS({.name = "cosine_distance",
                      .kind = Kind::embedding,
                      .summary = "cosine distance of projected features (Grill et al. 2020)",
                      .weight = 1,
                      .options = with_projectors({{"scale", 1}}),
                      .make = [](const LossContext& context) {
                        return std::make_shared<CosineDistance>(context);
                      }});

}  // namespace
}  // namespace retort::losses
