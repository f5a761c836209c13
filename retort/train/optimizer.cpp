#include "retort/train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>

#include "retort/core/error.h"
#include "retort/train/muon.h"

namespace retort::train {

NamedTensors trainable(const torch::nn::Module& student, const torch::nn::Module* objective) {
  NamedTensors all;
  for (const auto& item : student.named_parameters())
    all.emplace_back("student." + item.key(), item.value());
  if (objective == nullptr) return all;
  for (const auto& item : objective->named_parameters())
    all.emplace_back("objective." + item.key(), item.value());
  return all;
}

namespace {

bool is_students_weight(const std::string& name) {
  return name.starts_with("student.") && name.ends_with("weight");
}

bool is_depthwise(const std::string& name, const at::Tensor& parameter) {
  return parameter.dim() == 4 && parameter.size(1) == 1 && is_students_weight(name);
}

// Whether a matrix is transposed in its stack.
bool is_tall(const at::Tensor& matrix, int64_t rows) { return matrix.size(0) != rows; }

// Multiplications and additions of one matrix's direction (muon.cpp), to within a common factor.
double operations(int64_t rows, int64_t columns) {
  const auto a = static_cast<double>(rows), b = static_cast<double>(columns);
  return a * a * (2 * b + 17 * a);
}

}  // namespace

Optimizer::Optimizer(const NamedTensors& parameters, const Options& options, Ranks& ranks)
    : options_(options), ranks_(ranks) {
  for (const auto& [name, parameter] : parameters) {
    if (options.muon && is_hidden_matrix(name, parameter)) {
      add_matrix(name, parameter);
      continue;
    }
    const double rate = options.muon && is_depthwise(name, parameter) ? options.depthwise_rate : 1;
    slots_.push_back({name, parameter, at::zeros_like(parameter.detach()),
                      at::zeros_like(parameter.detach()),
                      at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)),
                      parameter.dim() > 1, rate});
    rates_.insert(rate);
  }
  share_matrices();
}

// Gives each matrix, the most expensive first, to the rank that has the least to do so far.
void Optimizer::share_matrices() {
  std::vector<std::pair<double, Matrix*>> by_cost;
  for (Stack& stack : stacks_)
    for (Matrix& matrix : stack.matrices)
      by_cost.emplace_back(operations(stack.rows, stack.columns), &matrix);
  std::ranges::stable_sort(by_cost, std::greater(), [](const auto& each) { return each.first; });
  std::vector<double> loads(static_cast<size_t>(ranks_.size()));
  for (auto& [cost, matrix] : by_cost) {
    const auto least = std::ranges::min_element(loads);
    *least += cost;
    matrix->own = least - loads.begin() == ranks_.rank();
  }
}

// Whether it is a weight of a linear layer or a kernel of a convolution, [out, in, height, width].
// Depthwise kernels, position embeddings and scales have no rows to be orthogonalised.
bool Optimizer::is_hidden_matrix(const std::string& name, const at::Tensor& parameter) const {
  const bool dense = parameter.dim() == 2 || (parameter.dim() == 4 && parameter.size(1) > 1);
  return dense && is_students_weight(name) &&
         (options_.head.empty() || !name.starts_with(options_.head));
}

void Optimizer::add_matrix(const std::string& name, const at::Tensor& parameter) {
  const int64_t outputs = parameter.size(0),
                inputs = parameter.numel() / std::max<int64_t>(outputs, 1);
  const int64_t rows = std::min(outputs, inputs), columns = std::max(outputs, inputs);
  auto stack = std::ranges::find_if(
      stacks_, [&](const Stack& each) { return each.rows == rows && each.columns == columns; });
  if (stack == stacks_.end()) stack = stacks_.insert(stacks_.end(), {rows, columns, {}});
  stack->matrices.push_back({name, parameter, at::zeros_like(parameter.detach())});
}

std::vector<at::Tensor> Optimizer::parameters() const {
  std::vector<at::Tensor> all;
  for (const Slot& slot : slots_) all.push_back(slot.parameter);
  for (const Stack& stack : stacks_)
    for (const Matrix& matrix : stack.matrices) all.push_back(matrix.parameter);
  return all;
}

void Optimizer::zero_grad() {
  for (const at::Tensor& parameter : parameters()) parameter.mutable_grad().reset();
}

at::Tensor Optimizer::clip_gradients(double max_norm) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters())
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  if (gradients.empty()) return at::zeros({});
  at::Tensor norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
  if (max_norm > 0)
    at::_foreach_mul_(gradients,
                      (max_norm / (norm + 1e-6)).clamp_max(1));  // torch's clip_grad_norm_
  return norm;
}

void Optimizer::scale_rate(const std::string& prefix, double factor) {
  for (Slot& slot : slots_)
    if (slot.name.starts_with(prefix)) slot.rate = factor;
  rates_.insert(factor);
}

void Optimizer::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  for (const double rate : rates_)
    for (const bool decays : {true, false}) step_group(learning_rate, decays, rate);
  learning_rate *= options_.muon_rate;
  for (Stack& stack : stacks_) {
    find_directions(stack);
    if (ranks_.size() == 1) step_stack(stack, learning_rate);
  }
  if (ranks_.size() > 1)
    for (Stack& stack : stacks_) step_stack(stack, learning_rate);
}

// Updates the momenta, and starts to find the directions of torch.optim.Muon's step.
void Optimizer::find_directions(Stack& stack) {
  std::vector<at::Tensor> gradients, momenta;
  std::vector<int64_t> own;
  for (Matrix& matrix : stack.matrices) {
    if (!matrix.parameter.grad().defined()) continue;
    if (matrix.own) own.push_back(static_cast<int64_t>(gradients.size()));
    gradients.push_back(matrix.parameter.grad());
    momenta.push_back(matrix.momentum);
  }
  if (gradients.empty()) return;
  at::_foreach_lerp_(momenta, gradients, 1 - options_.momentum);
  const std::vector<at::Tensor> updates = at::_foreach_lerp(gradients, momenta, options_.momentum);
  std::vector<at::Tensor> matrices;
  for (const int64_t i : own) {
    const at::Tensor& update = updates[static_cast<size_t>(i)];
    matrices.push_back(is_tall(update, stack.rows) ? update.flatten(1).t() : update.flatten(1));
  }
  if (matrices.size() == updates.size()) {
    stack.directions = orthogonalised(at::stack(matrices));
  } else {
    stack.directions = at::zeros({static_cast<int64_t>(updates.size()), stack.rows, stack.columns},
                                 gradients[0].options());
    if (!own.empty())
      stack.directions.index_copy_(0, at::tensor(own, gradients[0].options().dtype(at::kLong)),
                                   orthogonalised(at::stack(matrices)));
  }
  stack.wait = ranks_.begin_sum(stack.directions);
}

// torch.optim.Muon's step with adjust_lr_fn="match_rms_adamw".
void Optimizer::step_stack(Stack& stack, double learning_rate) {
  if (!stack.directions.defined()) return;
  stack.wait();
  const at::Tensor directions = std::exchange(stack.directions, {});
  std::vector<at::Tensor> parameters, changes;
  for (Matrix& matrix : stack.matrices) {
    if (!matrix.parameter.grad().defined()) continue;
    const at::Tensor direction = directions[static_cast<int64_t>(parameters.size())];
    changes.push_back((is_tall(matrix.parameter, stack.rows) ? direction.t() : direction)
                          .reshape(matrix.parameter.sizes()));
    parameters.push_back(matrix.parameter);
  }
  at::_foreach_mul_(parameters, 1 - learning_rate * options_.weight_decay);
  at::_foreach_sub_(parameters, changes,
                    learning_rate * 0.2 * std::sqrt(static_cast<double>(stack.columns)));
}

void Optimizer::step_group(double learning_rate, bool decays, double rate) {
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
  at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, learning_rate * rate,
                    options_.beta1, options_.beta2, decays ? options_.weight_decay : 0.0,
                    options_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
}

StateDict Optimizer::state() const {
  StateDict state;
  for (const Slot& slot : slots_) {
    state["exp_avg." + slot.name] = slot.exp_avg;
    state["exp_avg_sq." + slot.name] = slot.exp_avg_sq;
    state["step." + slot.name] = slot.step;
  }
  for (const Stack& stack : stacks_)
    for (const Matrix& matrix : stack.matrices) state["momentum." + matrix.name] = matrix.momentum;
  return state;
}

void Optimizer::load(const StateDict& state, const std::string& where) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : this->state()) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != tensor.sizes())
      throw Error("the optimiser's '" + name + "' is missing or misshapen", where,
                  "train again without --resume");
    at::Tensor own = tensor;
    own.copy_(found->second);
  }
}

}  // namespace retort::train
