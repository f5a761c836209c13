#pragma once

#include <memory>

#include "retort/losses/loss.h"
#include "retort/losses/projector.h"

namespace retort::losses {

// A loss between projected features. Student and teacher have a projector each, and both are
// trained (Farhat & Chen 2024).
class EmbeddingLoss : public Loss {
 public:
  at::Tensor forward(const StepView& step) final;

 protected:
  explicit EmbeddingLoss(const LossContext& context);
  // A scalar from unit rows s (student) and t (teacher), [N, dim] each.
  virtual at::Tensor compare(const at::Tensor& s, const at::Tensor& t, const StepView& step) = 0;
  int64_t dim() const { return dim_; }

 private:
  int64_t dim_;
  std::shared_ptr<Projector> student_, teacher_;
};

// The loss's own options, and those of its projectors: `dim`, `projector`.
Options with_projectors(Options own, const char* projector = "mocov2");

// s·tᵀ of unit rows: the cosine of every pair, [rows of s, rows of t].
at::Tensor cosines(const at::Tensor& s, const at::Tensor& t);

}  // namespace retort::losses
