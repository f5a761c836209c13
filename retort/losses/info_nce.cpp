#include <ATen/Functions.h>

#include <algorithm>
#include <limits>

#include "retort/losses/embedding_loss.h"

namespace retort::losses {
namespace {

// InfoNCE (van den Oord et al. 2018, arXiv 1807.03748, equation 4): which of the teacher's
// embeddings belongs to the student's,
//   −mean over i of log( exp(sᵢ·tᵢ/T) / Σₖ exp(sᵢ·kₖ/T) ),
// over the batch's own embeddings and, with `queue` above 0, that many past ones (MoCo, He et al.
// 2020, arXiv 1911.05722).
class InfoNce : public EmbeddingLoss {
 public:
  explicit InfoNce(const LossContext& context)
      : EmbeddingLoss(context),
        temperature_(option(context, "temperature", 0.001, 100)),
        size_(whole_option(context, "queue", 0, 1 << 24)) {
    if (size_ == 0) return;
    queue_ = register_buffer("queue", at::zeros({size_, dim()}));
    ids_ = register_buffer("queue_ids", at::full({size_}, -1, at::kLong));
    written_ = register_buffer("written", at::zeros({}, at::kLong));
  }

 protected:
  at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& step) override {
    at::Tensor logits = cosines(s, t);
    if (size_ > 0) logits = at::cat({logits, past(s, step.image_ids)}, 1);
    if (size_ > 0 && is_training()) push(t.detach(), step.image_ids);
    return at::cross_entropy_loss(logits / temperature_,
                                  at::arange(s.size(0), step.image_ids.options()));
  }

 private:
  // The scores of the queue. Places that are still empty and the image's own earlier embeddings are
  // no negatives.
  at::Tensor past(const at::Tensor& s, const at::Tensor& image_ids) const {
    const at::Tensor none = ids_.lt(0).logical_or(image_ids.unsqueeze(1).eq(ids_));
    return cosines(s, queue_.clone()).masked_fill(none, -std::numeric_limits<double>::infinity());
  }

  void push(const at::Tensor& t, const at::Tensor& image_ids) {
    const at::NoGradGuard no_grad;
    const int64_t kept = std::min(t.size(0), size_);
    const at::Tensor places = (at::arange(kept, ids_.options()) + written_).remainder(size_);
    queue_.index_copy_(0, places, t.narrow(0, 0, kept).to(queue_.scalar_type()));
    ids_.index_copy_(0, places, image_ids.narrow(0, 0, kept));
    written_ += kept;
  }

  double temperature_;
  int64_t size_;
  at::Tensor queue_, ids_, written_;
};

RETORT_REGISTER_LOSS({.name = "info_nce",
                      .kind = Kind::embedding,
                      .summary = "InfoNCE in the batch, and against a `queue` of past teacher "
                                 "embeddings (van den Oord et al. 2018)",
                      .weight = 1,
                      .options = with_projectors({{"temperature", 0.07}, {"queue", 0}}),
                      .make = [](const LossContext& context) {
                        return std::make_shared<InfoNce>(context);
                      }});

}  // namespace
}  // namespace retort::losses
