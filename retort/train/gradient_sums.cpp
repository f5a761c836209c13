#include "retort/train/gradient_sums.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/node.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

namespace retort::train {
namespace {

// Elements of a message: enough that bandwidth counts more than latency, and few enough that a
// small student has several messages.
constexpr int64_t kMessage = 1 << 20;

}  // namespace

GradientSums::GradientSums(const torch::nn::Module& student, const torch::nn::Module& objective,
                           Ranks& ranks)
    : ranks_(ranks) {
  if (ranks.size() == 1) return;
  add(objective, 1 / static_cast<double>(ranks.size()));
  add(student, 1);
  int64_t elements = kMessage;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (elements >= kMessage) {
      messages_.emplace_back().first = i;
      elements = 0;
    }
    parameters_[i].message = messages_.size() - 1;
    messages_.back().last = i + 1;
    elements += parameters_[i].tensor.numel();
  }
  for (Parameter& each : parameters_) {
    each.accumulator = torch::autograd::impl::grad_accumulator(each.tensor);
    each.hook =
        each.accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, message = each.message](const auto& outputs, const auto& /*inputs*/) {
              arrived(message);
              return outputs;
            }));
  }
}

GradientSums::~GradientSums() {
  for (const Parameter& each : parameters_) each.accumulator->del_post_hook(each.hook);
}

void GradientSums::add(const torch::nn::Module& module, double scale) {
  std::vector<at::Tensor> parameters = module.parameters();
  std::ranges::reverse(parameters);  // the order in which the backward pass computes gradients
  for (const at::Tensor& parameter : parameters)
    if (parameter.requires_grad()) {
      Parameter& added = parameters_.emplace_back();
      added.tensor = parameter;
      added.scale = scale;
    }
}

void GradientSums::begin() {
  for (Message& message : messages_) message.missing = message.last - message.first;
  begun_ = 0;
  counting_ = true;
}

void GradientSums::arrived(size_t message) {
  if (!counting_) return;
  --messages_[message].missing;
  while (begun_ < messages_.size() && messages_[begun_].missing == 0) send_next();
}

void GradientSums::send_next() {
  Message& message = messages_[begun_++];
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> flat;
  for (size_t i = message.first; i < message.last; ++i)
    if (const at::Tensor& gradient = parameters_[i].tensor.grad(); gradient.defined())
      flat.push_back(gradient.reshape(-1).to(at::kFloat));
  if (flat.empty()) return;
  message.sent = at::cat(flat);
  message.wait = ranks_.begin_sum(message.sent);
}

void GradientSums::finish() {
  counting_ = false;
  while (begun_ < messages_.size()) send_next();
  for (Message& message : messages_) {
    if (!message.sent.defined()) continue;
    message.wait();
    take(message);
    message.sent.reset();
  }
}

void GradientSums::take(const Message& message) {
  const at::NoGradGuard no_grad;
  int64_t at = 0;
  for (size_t i = message.first; i < message.last; ++i) {
    const Parameter& each = parameters_[i];
    if (!each.tensor.grad().defined()) continue;
    const at::Tensor sum = message.sent.slice(0, at, at + each.tensor.numel());
    each.tensor.mutable_grad().copy_(sum.view(each.tensor.sizes()));
    if (each.scale != 1) each.tensor.mutable_grad().mul_(each.scale);
    at += each.tensor.numel();
  }
}

}  // namespace retort::train
