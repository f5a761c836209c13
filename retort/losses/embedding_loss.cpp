#include "retort/losses/embedding_loss.h"

#include <ATen/Functions.h>

namespace retort::losses {

EmbeddingLoss::EmbeddingLoss(const LossContext& context)
    : dim_(whole_option(context, "dim", 1, 65536)) {
  const std::string& kind =
      word_option(context, "projector", {"mocov2", "simclr", "simclrv2", "linear"});
  student_ =
      register_module("student", std::make_shared<Projector>(context.student_dim, dim_, kind));
  teacher_ =
      register_module("teacher", std::make_shared<Projector>(context.teacher_dim, dim_, kind));
}

at::Tensor EmbeddingLoss::forward(const StepView& step) {
  return compare(student_->forward(step.student_features), teacher_->forward(step.teacher_features),
                 step);
}

Options with_projectors(Options own, const char* projector) {
  own.emplace("dim", 128);
  own.emplace("projector", projector);
  return own;
}

at::Tensor cosines(const at::Tensor& s, const at::Tensor& t) { return at::matmul(s, t.t()); }

}  // namespace retort::losses
