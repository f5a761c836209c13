#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "retort/core/safetensors.h"
#include "retort/losses/loss.h"
#include "tests/support/formula.h"

namespace retort::losses {

// The sizes and inputs of scripts/fixtures/losses.py.
constexpr int64_t kImages = 7, kInput = 9, kStudent = 6, kTeacher = 10, kClasses = 5, kDim = 8;

constexpr uint64_t kSeed = 5;  // of torch's generator before a step: crd draws

inline at::Tensor formula_labels() {
  return testing::formula_uniform("labels", {kImages}, 0, kClasses).to(at::kLong);
}

inline LossContext formula_context() {
  return {.student_dim = kStudent,
          .teacher_dim = kTeacher,
          .classes = kClasses,
          .images = kImages,
          .labels = formula_labels(),
          .teacher_weight = testing::formula_uniform("teacher_weight", {kClasses, kTeacher}),
          .teacher_bias = testing::formula_uniform("teacher_bias", {kClasses}),
          .options = {}};
}

inline StepView formula_step(at::ScalarType dtype) {
  using testing::formula_uniform;
  StepView step;
  step.student_features = formula_uniform("student_features", {kImages, kStudent}).to(dtype);
  step.student_logits = formula_uniform("student_logits", {kImages, kClasses}, -4, 4).to(dtype);
  step.teacher_features = formula_uniform("teacher_features", {kImages, kTeacher}).to(dtype);
  step.teacher_logits = formula_uniform("teacher_logits", {kImages, kClasses}, -4, 4).to(dtype);
  step.labels = formula_labels();
  step.image_ids = at::arange(kImages);
  return step;
}

inline void formula_fill(torch::nn::Module& module) {
  StateDict state;
  for (const auto& parameter : module.named_parameters())
    state[parameter.key()] = parameter.value();
  testing::formula_fill(state);
  // Memory banks get full precision too, so that comparisons do not see rounding.
  for (const auto& buffer : module.named_buffers()) {
    const std::string name = buffer.key().substr(buffer.key().rfind('.') + 1);
    if (name.ends_with("_bank"))
      at::Tensor(buffer.value()).set_data(testing::formula_uniform(name, buffer.value().sizes()));
  }
}

// Module::to would also convert counters and ids to double.
inline void to_double(torch::nn::Module& module) {
  std::vector<at::Tensor> tensors = module.parameters();
  for (const at::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  for (at::Tensor& tensor : tensors)
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(at::kDouble));
}

// The loss with its defaults and these options, with formula-filled parameters, in fp64.
inline std::shared_ptr<Loss> formula_loss(const std::string& name, const Options& options) {
  const LossEntry& entry = find_loss(name);
  LossContext context = formula_context();
  context.options = entry.options;
  for (const auto& [option_name, value] : options)
    context.options.insert_or_assign(option_name, value);
  std::shared_ptr<Loss> loss = entry.make(context);
  formula_fill(*loss);
  to_double(*loss);
  return loss;
}

}  // namespace retort::losses
