#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "retort/core/safetensors.h"

namespace retort::train {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The parameters of a student, "student.NAME", and of the objective that it learns with, where that has some: "objective.NAME".
NamedTensors trainable(const torch::nn::Module& student, const torch::nn::Module* objective = nullptr);

// AdamW (Loshchilov & Hutter 2019) through libtorch's fused kernel. Weight decay acts on matrices and kernels only, not on biases and
// norms.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // torch's defaults
    double weight_decay = 0.01;
  };
  AdamW(const NamedTensors& parameters, const Options& options);

  void zero_grad();
  // Scales the gradients so that their joint L2 norm is at most max_norm (0: no limit); returns the norm before, a scalar on their device.
  // Parameters without a gradient are left alone.
  at::Tensor clip_gradients(double max_norm);
  // Parameters whose name begins with `prefix` learn at `factor` times the rate.
  void scale_rate(const std::string& prefix, double factor);
  void step(double learning_rate);

  // The moments and step counts, by parameter name: "exp_avg.NAME", "exp_avg_sq.NAME", "step.NAME".
  StateDict state() const;
  // Copies in. Throws Error naming what is missing or misshapen.
  void load(const StateDict& state, const std::string& where);

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter, exp_avg, exp_avg_sq, step;
    bool decays;
    double rate = 1;
  };
  void step_group(double learning_rate, bool decays, double rate);
  Options options_;
  std::vector<Slot> slots_;
  std::set<double> rates_ = {1.0};
};

}  // namespace retort::train
