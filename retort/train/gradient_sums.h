#pragma once

#include <vector>

#include <torch/nn/module.h>

#include "retort/core/ranks.h"

namespace torch::autograd {
struct Node;
}

namespace retort::train {

// Sums gradients over the ranks while the backward pass is still running. Parameters are packed
// into messages of some MiB from the last layer to the first, in the order in which their gradients
// arrive. A message is sent once all of its gradients are there and all messages before it are
// sent.
class GradientSums {
 public:
  // The student's gradients are summed, which gives the whole batch's. The objective's gradients
  // are the same on every rank except for rounding; they are averaged, so that the ranks stay
  // alike. Both modules must outlive this object.
  GradientSums(const torch::nn::Module& student, const torch::nn::Module& objective, Ranks& ranks);
  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  // Call it before a backward pass, when no parameter has a gradient.
  void begin();
  // Call it after the backward pass: it sends the rest, waits, and replaces the gradients by the
  // sums. A parameter without a gradient on all ranks keeps none.
  void finish();

 private:
  struct Parameter {
    at::Tensor tensor;
    double scale = 1;  // the factor on the sum of its gradients
    size_t message = 0;
    c10::intrusive_ptr<torch::autograd::Node>
        accumulator;  // where autograd accumulates its gradient
    uintptr_t hook = 0;
  };
  struct Message {
    size_t first = 0, last = 0;  // range in parameters_
    size_t missing = 0;          // gradients that have not arrived
    at::Tensor sent;
    Ranks::Wait wait;
  };
  void add(const torch::nn::Module& module, double scale);
  void arrived(size_t message);
  void send_next();
  void take(const Message& message);

  Ranks& ranks_;
  std::vector<Parameter> parameters_;  // from the last to the first
  std::vector<Message> messages_;
  size_t begun_ = 0;       // number of messages sent
  bool counting_ = false;  // between begin() and finish()
};

}  // namespace retort::train
