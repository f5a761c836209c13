#include <ATen/Functions.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/linear.h>

#include "retort/core/error.h"
#include "retort/losses/loss.h"

namespace retort::losses {
namespace {

// Softmax regression representation learning (Yang et al. 2021, "Knowledge distillation via softmax
// regression representation learning", equation 5): a connector maps the student's features to the
// input of the teacher's frozen classifier. The loss is the mean squared error between the
// resulting logits and the teacher's. Connectors, after the authors' 1×1 convolution – BN – ReLU on
// pooled features:
//   mlp   Linear(Ds, Dt) – BN – ReLU
//   mlp2  Linear(Ds, Dt) – BN – ReLU – Linear(Dt, Dt) – BN – ReLU
class Srrl : public Loss {
 public:
  explicit Srrl(const LossContext& context) {
    const bool two = word_option(context, "connector", {"mlp", "mlp2"}) == "mlp2";
    if (!context.teacher_weight.defined())
      throw Error("needs the teacher's classifier, and there is no teacher", "loss `srrl`");
    add("0", context.student_dim, context.teacher_dim);
    if (two) add("1", context.teacher_dim, context.teacher_dim);
    weight_ = register_buffer("weight", context.teacher_weight.detach().clone());
    bias_ = register_buffer("bias", context.teacher_bias.detach().clone());
  }

  at::Tensor forward(const StepView& step) override {
    at::Tensor x = step.student_features;
    for (const auto& [linear, norm] : layers_)
      x = at::relu(normed(norm, torch::nn::Linear(linear)->forward(x)));
    return at::mse_loss(at::linear(x, weight_, bias_), step.teacher_logits);
  }

 private:
  // A single row has no batch statistics, so that the running ones are used.
  static at::Tensor normed(torch::nn::BatchNorm1d norm, const at::Tensor& rows) {
    if (rows.size(0) > 1) return norm->forward(rows);
    return at::batch_norm(rows, norm->weight, norm->bias, norm->running_mean, norm->running_var,
                          /*training=*/false, 0, norm->options.eps(),
                          /*cudnn_enabled=*/false);
  }

  void add(const std::string& name, int64_t in, int64_t out) {
    const torch::nn::Linear linear = register_module(
        "linear" + name, torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)));
    layers_.emplace_back(linear, register_module("norm" + name, torch::nn::BatchNorm1d(out)));
  }
  std::vector<std::pair<torch::nn::Linear, torch::nn::BatchNorm1d>> layers_;
  at::Tensor weight_, bias_;
};

RETORT_REGISTER_LOSS(
    {.name = "srrl",
     .kind = Kind::logit,
     .summary = "the student's features through the teacher's classifier (Yang et al. 2021)",
     .weight = 1,
     .options = {{"connector", "mlp"}},
     .make = [](const LossContext& context) { return std::make_shared<Srrl>(context); }});

}  // namespace
}  // namespace retort::losses
