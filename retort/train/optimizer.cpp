#include "retort/train/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>

#include "retort/core/error.h"

namespace retort::train {

NamedTensors trainable(const torch::nn::Module& student, const torch::nn::Module* objective) {
  NamedTensors all;
  for (const auto& item : student.named_parameters()) all.emplace_back("student." + item.key(), item.value());
  if (objective == nullptr) return all;
  for (const auto& item : objective->named_parameters()) all.emplace_back("objective." + item.key(), item.value());
  return all;
}

AdamW::AdamW(const NamedTensors& parameters, const Options& options) : options_(options) {
  for (const auto& [name, parameter] : parameters)
    slots_.push_back({name, parameter, at::zeros_like(parameter.detach()), at::zeros_like(parameter.detach()),
                      at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)), parameter.dim() > 1});
}

void AdamW::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad().reset();
}

at::Tensor AdamW::clip_gradients(double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const Slot& slot : slots_)
    if (slot.parameter.grad().defined()) gradients.push_back(slot.parameter.grad());
  if (gradients.empty()) return at::zeros({});
  at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
  if (max_norm > 0) at::_foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp_max(1));  // torch's clip_grad_norm_
  return norm;
}

void AdamW::scale_rate(const std::string& prefix, double factor) {
  for (Slot& slot : slots_)
    if (slot.name.starts_with(prefix)) slot.rate = factor;
  rates_.insert(factor);
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (const double rate : rates_)
    for (const bool decays : {true, false}) step_group(learning_rate, decays, rate);
}

void AdamW::step_group(double learning_rate, bool decays, double rate) {
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  for (Slot& slot : slots_) {
    if (slot.decays != decays || slot.rate != rate || !slot.parameter.grad().defined()) continue;
    parameters.push_back(slot.parameter);
    gradients.push_back(slot.parameter.grad());
    exp_avgs.push_back(slot.exp_avg);
    exp_avg_sqs.push_back(slot.exp_avg_sq);
    steps.push_back(slot.step);
  }
  if (parameters.empty()) return;
  at::_foreach_add_(steps, 1);
  at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, learning_rate * rate, options_.beta1, options_.beta2,
                    decays ? options_.weight_decay : 0.0, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

StateDict AdamW::state() const {
  StateDict state;
  for (const Slot& slot : slots_) {
    state["exp_avg." + slot.name] = slot.exp_avg;
    state["exp_avg_sq." + slot.name] = slot.exp_avg_sq;
    state["step." + slot.name] = slot.step;
  }
  return state;
}

void AdamW::load(const StateDict& state, const std::string& where) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : this->state()) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != tensor.sizes())
      throw Error("the optimiser's '" + name + "' is missing or misshapen", where);
    at::Tensor own = tensor;
    own.copy_(found->second);
  }
}

}  // namespace retort::train
