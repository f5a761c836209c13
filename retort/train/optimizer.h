#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "retort/core/ranks.h"
#include "retort/core/safetensors.h"

namespace retort::train {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// The parameters of a student, "student.NAME", and of its objective, if given: "objective.NAME".
NamedTensors trainable(const torch::nn::Module& student,
                       const torch::nn::Module* objective = nullptr);

// AdamW (Loshchilov & Hutter 2019) through libtorch's fused kernel. With `muon`, Muon (Jordan et
// al. 2024) optimises the student's hidden kernels and matrices instead. Weight decay acts on
// matrices and kernels only, not on biases and norms. With several ranks, which all have the same
// gradients, each finds Muon's directions for its share of the matrices.
class Optimizer {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // torch's defaults
    double weight_decay = 0.01;
    bool muon = false;
    double momentum = 0.95;  // Nesterov's, of Muon: torch.optim.Muon's default
    // The ratio of Muon's rate to that of the other parameters, after the adjustment that makes its
    // updates as large as AdamW's (Liu et al. 2025, "Muon is Scalable for LLM Training";
    // "match_rms_adamw" in torch.optim.Muon). Measured: docs/results.md.
    double muon_rate = 8;
    // With Muon, the ratio of the rate of depthwise kernels to that of the other parameters.
    // Relative to the size of the kernel, AdamW's step is otherwise a tenth of Muon's step of a
    // matrix, or less. Measured: docs/results.md.
    double depthwise_rate = 16;
    std::string head = {};  // the prefix of the names of the student's classifier, with "student.":
                            // AdamW always optimises it
  };
  Optimizer(const NamedTensors& parameters, const Options& options, Ranks& ranks = alone());

  void zero_grad();
  // Scales the gradients so that their joint L2 norm is at most max_norm (0: no limit), and returns
  // the norm before that, a scalar on their device. Parameters without a gradient are ignored.
  at::Tensor clip_gradients(double max_norm);
  // Sets the rate of parameters whose name begins with `prefix` to `factor` times the rate, except
  // those of Muon.
  void scale_rate(const std::string& prefix, double factor);
  void step(double learning_rate);

  // The moments and step counts by parameter name: "exp_avg.NAME", "exp_avg_sq.NAME", "step.NAME";
  // for Muon "momentum.NAME".
  StateDict state() const;
  // Copies such a state in. Throws Error, naming what is missing or has another shape.
  void load(const StateDict& state, const std::string& where);

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter, exp_avg, exp_avg_sq, step;
    bool decays;
    double rate = 1;
  };
  struct Matrix {
    std::string name;
    at::Tensor parameter, momentum;
    bool own = true;  // this rank finds its direction
  };
  // The matrices of one shape [A, B], A <= B, transposed where necessary, which are updated
  // together.
  struct Stack {
    int64_t rows, columns;
    std::vector<Matrix> matrices;
    at::Tensor directions = {};  // [matrices with a gradient, A, B], while a step goes on
    Ranks::Wait wait = {};       // until they are there from all ranks
  };
  void share_matrices();
  void step_group(double learning_rate, bool decays, double rate);
  void find_directions(Stack& stack);
  void step_stack(Stack& stack, double learning_rate);
  bool is_hidden_matrix(const std::string& name, const at::Tensor& parameter) const;
  void add_matrix(const std::string& name, const at::Tensor& parameter);
  std::vector<at::Tensor> parameters() const;
  Options options_;
  Ranks& ranks_;
  std::vector<Slot> slots_;
  std::vector<Stack> stacks_;
  std::set<double> rates_ = {1.0};
};

}  // namespace retort::train
