#include "retort/train/optimizer.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include "retort/core/error.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::train {
namespace {

using testing::formula_uniform;

// The slow path is libtorch's own loop over tensors, which the fused one must match.
TEST(Optimizer, FollowsTorchsOwn) {
  at::Tensor ours = formula_uniform("weight", {5, 7}).requires_grad_();
  at::Tensor bias = formula_uniform("bias", {5}).requires_grad_();
  at::Tensor theirs = ours.detach().clone().requires_grad_();
  at::Tensor their_bias = bias.detach().clone().requires_grad_();
  Optimizer optimizer({{"weight", ours}, {"bias", bias}}, {.weight_decay = 0.1});
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;
  torch::optim::AdamW reference(
      Groups{torch::optim::OptimizerParamGroup(
                 {theirs}, std::make_unique<torch::optim::AdamWOptions>(
                               torch::optim::AdamWOptions(0.01).weight_decay(0.1))),
             torch::optim::OptimizerParamGroup(
                 {their_bias}, std::make_unique<torch::optim::AdamWOptions>(
                                   torch::optim::AdamWOptions(0.01).weight_decay(0)))},
      torch::optim::AdamWOptions(0.01));
  for (int step = 0; step < 5; ++step) {
    const at::Tensor x = formula_uniform("x" + std::to_string(step), {3, 7});
    optimizer.zero_grad();
    reference.zero_grad();
    at::linear(x, ours, bias).square().sum().backward();
    at::linear(x, theirs, their_bias).square().sum().backward();
    optimizer.step(0.01);
    reference.step();
  }
  EXPECT_TRUE(at::allclose(ours, theirs, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(bias, their_bias, 1e-5, 1e-6));
}

TEST(Optimizer, ClipsTheJointNorm) {
  at::Tensor a = at::zeros({2}).requires_grad_();
  at::Tensor b = at::zeros({2}).requires_grad_();
  Optimizer optimizer({{"a", a}, {"b", b}}, {});
  a.mutable_grad() = at::full({2}, 3.0F);
  b.mutable_grad() = at::full({2}, 4.0F);
  EXPECT_NEAR(optimizer.clip_gradients(1).item<double>(), std::sqrt(50.0), 1e-5);
  EXPECT_NEAR(optimizer.clip_gradients(0).item<double>(), 1, 1e-5);
}

TEST(Optimizer, GoesOnFromItsState) {
  const auto train = [](bool muon, bool interrupted) {
    const at::Tensor w = formula_uniform("w", {4, 6}).requires_grad_();
    const NamedTensors parameters{{"student.w.weight", w}};
    auto optimizer = std::make_unique<Optimizer>(parameters, Optimizer::Options{.muon = muon});
    for (int step = 0; step < 6; ++step) {
      if (interrupted && step == 3) {
        auto other = std::make_unique<Optimizer>(parameters, Optimizer::Options{.muon = muon});
        other->load(optimizer->state(), "");
        optimizer = std::move(other);
      }
      optimizer->zero_grad();
      at::linear(formula_uniform("x" + std::to_string(step), {3, 6}), w).square().sum().backward();
      optimizer->clip_gradients(1);
      optimizer->step(0.1);
    }
    return w.detach();
  };
  for (const bool muon : {false, true})
    EXPECT_TRUE(at::equal(train(muon, false), train(muon, true)));
}

TEST(Optimizer, RefusesAnotherModelsState) {
  at::Tensor w = at::zeros({4}).requires_grad_();
  Optimizer optimizer({{"w", w}}, {});
  EXPECT_ERROR(optimizer.load({}, "file"), "file: the optimiser's '");
}

TEST(Optimizer, APrefixLearnsAtItsOwnRate) {
  const at::Tensor slow = at::ones({2, 2}).requires_grad_(),
                   fast = at::ones({2, 2}).requires_grad_();
  Optimizer optimizer({{"student.fc.weight", fast}, {"student.conv.weight", slow}},
                      {.weight_decay = 0});
  optimizer.scale_rate("student.fc.", 10);
  (slow.sum() + fast.sum()).backward();
  optimizer.step(1e-3);
  // Adam's first step has the size of the rate.
  EXPECT_NEAR(slow[0][0].item<double>(), 1 - 1e-3, 1e-6);
  EXPECT_NEAR(fast[0][0].item<double>(), 1 - 1e-2, 1e-6);
}

}  // namespace
}  // namespace retort::train
