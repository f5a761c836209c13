#pragma once

#include <vector>

#include <torch/nn/module.h>

#include "retort/core/ranks.h"

namespace torch::autograd {
struct Node;
}

namespace retort::train {

// Adds up the ranks' gradients while the backward pass still goes on. Parameters are put into
// messages of some MiB from the last layer to the first, in the order in which their gradients come
// to be; a message is sent as soon as all of its gradients and all messages before it are there.
class GradientSums {
 public:
  // Of the student, whose gradients' sum is the whole batch's, and of the objective, whose
  // gradients are the same on every rank but for rounding: their mean keeps the ranks alike. Both
  // are to outlive this.
  GradientSums(const torch::nn::Module& student, const torch::nn::Module& objective, Ranks& ranks);
  ~GradientSums();
  GradientSums(const GradientSums&) = delete;
  GradientSums& operator=(const GradientSums&) = delete;

  // Ahead of a backward pass, when no parameter has a gradient.
  void begin();
  // After it: sends what is left, waits, and puts the sums in the gradients' place. A parameter
  // that got no gradient, on this rank as on all, keeps none.
  void finish();

 private:
  struct Parameter {
    at::Tensor tensor;
    double scale = 1;  // of its gradient's sum
    size_t message = 0;
    c10::intrusive_ptr<torch::autograd::Node> accumulator;  // where autograd adds its gradient up
    uintptr_t hook = 0;
  };
  struct Message {
    size_t first = 0, last = 0;  // of parameters_
    size_t missing = 0;          // gradients that are yet to come
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
  size_t begun_ = 0;       // of messages_
  bool counting_ = false;  // between begin() and finish()
};

}  // namespace retort::train
