#include <ATen/Functions.h>

#include <limits>

#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// Supervised contrastive learning (Khosla et al. 2020, arXiv 2004.11362, equation 2), with the
// student's and the teacher's embedding as the two views of an image. All embeddings of the image's
// class are positives; an image without a label is a class of its own:
//   mean over anchors i of −1/|P(i)| Σ_{p∈P(i)} log( exp(zᵢ·zₚ/T) / Σ_{a≠i} exp(zᵢ·zₐ/T) ).
class SupCon : public EmbeddingLoss {
 public:
  explicit SupCon(const LossContext& context)
      : EmbeddingLoss(context), temperature_(option(context, "temperature", 0.001, 100)) {}

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& step) override {
    const at::Tensor z = at::cat({s, t});
    const at::Tensor labels =
        at::where(step.labels.lt(0), -1 - step.image_ids, step.labels).repeat({2});
    const at::Tensor self = at::eye(z.size(0), z.options().dtype(at::kBool));
    const at::Tensor positive =
        labels.unsqueeze(0).eq(labels.unsqueeze(1)).logical_and(self.logical_not());
    const at::Tensor logits = cosines(z, z) / temperature_;
    const at::Tensor rest = logits.masked_fill(self, -std::numeric_limits<double>::infinity());
    const at::Tensor log_probability = logits - at::logsumexp(rest, {1}, /*keepdim=*/true);
    // The other view is always a positive, so that none of these counts is 0.
    return -((log_probability * positive).sum(1) / positive.sum(1)).mean();
  }

 private:
  double temperature_;
};

RETORT_REGISTER_LOSS(
    {.name = "supcon",
     .kind = Kind::embedding,
     .summary =
         "supervised contrastive loss: labels say what belongs together (Khosla et al. 2020)",
     .weight = 1,
     .options = with_projectors({{"temperature", 0.07}}),
     .make = [](const LossContext& context) { return std::make_shared<SupCon>(context); }});

}  // namespace
}  // namespace retort::losses
