#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "retort/losses/loss.h"

namespace retort::losses {

// One weighted term of the objective.
struct TermConfig {
  std::string name;   // a registered loss
  double weight = 1;  // λ ≥ 0; a term of weight 0 is left out
  Options options;    // overrides of the entry's defaults
};

// Throws UsageError as Objective does, for errors that do not depend on the data: an unknown or a
// repeated loss, an unknown option or one out of range, a negative weight, no loss with a weight
// above 0.
void check_terms(const std::vector<TermConfig>& terms);

// Σ λᵢ · lossᵢ. Farhat & Chen: λ1·cross-entropy + λ2·Alignment/Uniformity + λ3·KL at temperature 4.
class Objective : public torch::nn::Module {
 public:
  // Throws UsageError on an unknown loss, one named twice, an unknown option or one out of range, a
  // negative weight, or no loss with a weight above 0.
  Objective(const std::vector<TermConfig>& terms, const LossContext& context);

  struct Value {
    at::Tensor total;
    std::vector<std::pair<std::string, at::Tensor>> terms;  // unweighted, detached
  };
  // Computes in full precision, also inside an autocast region. A term sees the rows for its kind
  // (StepView), and is multiplied by their share of all rows, so that each image has the same
  // weight. Other tensors are moved to the device of the student's logits; rows are chosen before
  // that, so that with labels on the CPU nothing waits for a GPU. Throws Error when a term needs
  // the teacher and the step has none.
  Value forward(const StepView& step);

  bool needs_teacher() const;

 private:
  struct Term {
    std::string name;
    Kind kind;
    double weight;
    std::shared_ptr<Loss> loss;
  };
  static at::Tensor evaluate(const Term& term, const StepView& step, const at::Tensor& rows);

  std::vector<Term> terms_;
};

}  // namespace retort::losses
