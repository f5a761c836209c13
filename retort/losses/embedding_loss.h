#pragma once

#include <memory>

#include "retort/losses/loss.h"
#include "retort/losses/projector.h"

namespace retort::losses {

// A loss between projected features. The student's and the teacher's features each have a
// projector, and both projectors are trained (Farhat & Chen 2024).
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

// Adds the options of the projectors to a loss's own: `dim`, 128, and `projector`.
Options with_projectors(Options own, const char* projector = "mocov2");

// s·tᵀ of unit rows: the cosine of every pair, [rows of s, rows of t].
at::Tensor cosines(const at::Tensor& s, const at::Tensor& t);

}  // namespace retort::losses
