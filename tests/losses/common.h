#pragma once

#include <torch/torch.h>

#include "retort/core/safetensors.h"
#include "retort/losses/loss.h"
#include "tests/support/formula.h"

namespace retort::losses {

// The sizes and inputs of scripts/fixtures/losses.py.
constexpr int64_t kImages = 7, kInput = 9, kStudent = 6, kTeacher = 10, kClasses = 5, kDim = 8;

inline LossContext formula_context() {
  return {.student_dim = kStudent, .teacher_dim = kTeacher, .classes = kClasses, .images = kImages, .options = {}};
}

inline StepView formula_step(at::ScalarType dtype) {
  using testing::formula_uniform;
  StepView step;
  step.student_features = formula_uniform("student_features", {kImages, kStudent}).to(dtype);
  step.student_logits = formula_uniform("student_logits", {kImages, kClasses}, -4, 4).to(dtype);
  step.teacher_features = formula_uniform("teacher_features", {kImages, kTeacher}).to(dtype);
  step.teacher_logits = formula_uniform("teacher_logits", {kImages, kClasses}, -4, 4).to(dtype);
  step.labels = formula_uniform("labels", {kImages}, 0, kClasses).to(at::kLong);
  step.image_ids = at::arange(kImages);
  return step;
}

inline void formula_fill(torch::nn::Module& module) {
  StateDict state;
  for (const auto& parameter : module.named_parameters()) state[parameter.key()] = parameter.value();
  testing::formula_fill(state);
}

// The loss with its defaults, these options, formula-filled parameters, in fp64.
inline std::shared_ptr<Loss> formula_loss(const std::string& name, const Options& options) {
  const LossEntry& entry = find_loss(name);
  LossContext context = formula_context();
  context.options = entry.options;
  for (const auto& [option_name, value] : options) context.options.at(option_name) = value;
  std::shared_ptr<Loss> loss = entry.make(context);
  formula_fill(*loss);
  loss->to(at::kDouble);
  return loss;
}

}  // namespace retort::losses
