#include "retort/train/muon.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "retort/core/file.h"
#include "retort/train/optimizer.h"
#include "tests/support/formula.h"

namespace retort::train {
namespace {

using testing::formula_parameter;
using testing::formula_uniform;

// The slow path, as in torch.optim.Muon.
at::Tensor plainly_orthogonalised(at::Tensor x) {
  x = x / x.norm();
  for (int step = 0; step < 5; ++step) {
    const at::Tensor gram = at::mm(x, x.t());
    x = 3.4445 * x + at::mm(-4.7750 * gram + 2.0315 * at::mm(gram, gram), x);
  }
  return x;
}

TEST(Muon, OrthogonalisesAsTheStepsOneByOne) {
  const at::Tensor matrices = formula_uniform("matrices", {3, 16, 40});
  const at::Tensor made = orthogonalised(matrices);
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_TRUE(at::allclose(made[i], plainly_orthogonalised(matrices[i]), 1e-4, 1e-4));
}

TEST(Muon, SingularValuesComeToLieAroundOne) {
  const at::Tensor values =
      at::linalg_svdvals(orthogonalised(formula_uniform("matrix", {1, 32, 64})));
  EXPECT_GT(values.min().item<double>(), 0.5);
  EXPECT_LT(values.max().item<double>(), 1.3);
}

TEST(Muon, NothingStaysNothing) {
  EXPECT_TRUE(at::equal(orthogonalised(at::zeros({2, 3, 4})), at::zeros({2, 3, 4})));
}

// A matrix of rank one, as the gradient of a layer from a single image.
TEST(Muon, StaysFiniteWithoutFullRank) {
  const at::Tensor matrix =
      at::outer(formula_uniform("left", {24}), formula_uniform("right", {48}));
  const at::Tensor made = orthogonalised(matrix.unsqueeze(0) * 1e-12);
  EXPECT_TRUE(made.isfinite().all().item<bool>());
  EXPECT_LT(at::linalg_svdvals(made).max().item<double>(), 1.3);
}

// scripts/fixtures/optimizer.py
TEST(Muon, ThreeStepsAsTorchs) {
  const auto expected = nlohmann::json::parse(read_file(RETORT_FIXTURES "/train/muon.json"));
  const std::vector<std::pair<std::string, std::vector<int64_t>>> shapes{
      {"student.wide.weight", {6, 4, 3, 3}},
      {"student.tall.weight", {9, 5}},
      {"student.tall2.weight", {9, 5}},
      {"student.square.weight", {4, 4}}};
  NamedTensors parameters;
  for (const auto& [name, shape] : shapes)
    parameters.emplace_back(name, formula_parameter(name, shape).requires_grad_());
  Optimizer optimizer(parameters, {.weight_decay = 0.1, .muon = true, .muon_rate = 4});
  for (int step = 0; step < 3; ++step) {
    for (auto& [name, parameter] : parameters)
      parameter.mutable_grad() =
          formula_uniform(name + " gradient " + std::to_string(step), parameter.sizes());
    optimizer.step(0.01);
  }
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor theirs = at::tensor(expected.at(name).get<std::vector<double>>(), at::kFloat)
                                  .view(parameter.sizes());
    EXPECT_TRUE(at::allclose(parameter.detach(), theirs, 1e-4, 1e-4)) << name;
  }
}

// A kernel in channels-last layout is updated in the same way.
TEST(Muon, LayoutDoesNotMatter) {
  const auto stepped = [](at::MemoryFormat layout) {
    const at::Tensor kernel =
        formula_uniform("kernel", {8, 4, 3, 3}).contiguous(layout).requires_grad_();
    kernel.mutable_grad() = formula_uniform("gradient", {8, 4, 3, 3}).contiguous(layout);
    Optimizer({{"student.kernel.weight", kernel}}, {.muon = true}).step(0.1);
    return kernel.detach();
  };
  EXPECT_TRUE(
      at::allclose(stepped(at::MemoryFormat::Contiguous), stepped(at::MemoryFormat::ChannelsLast)));
}

// Adam's first step has the size of the rate.
TEST(Muon, DepthwiseKernelsLearnFaster) {
  const auto step_of = [](const std::string& name, bool muon) {
    const at::Tensor kernel = at::ones({8, 1, 3, 3}).requires_grad_();
    kernel.mutable_grad() = at::ones({8, 1, 3, 3});
    Optimizer({{name, kernel}}, {.weight_decay = 0, .muon = muon, .depthwise_rate = 4}).step(1e-3);
    return (1 - kernel.detach()).mean().item<double>();
  };
  EXPECT_NEAR(step_of("student.depthwise.weight", true), 4e-3, 1e-6);
  EXPECT_NEAR(step_of("student.depthwise.weight", false), 1e-3, 1e-6);
  EXPECT_NEAR(step_of("objective.depthwise.weight", true), 1e-3, 1e-6);
}

TEST(Muon, IsForHiddenMatrices) {
  NamedTensors parameters;
  const auto add = [&](const std::string& name, at::IntArrayRef shape) {
    parameters.emplace_back(name, at::zeros(shape).requires_grad_());
  };
  add("student.conv.weight", {8, 4, 3, 3});
  add("student.attention.in_proj_weight", {12, 4});
  add("student.depthwise.weight", {8, 1, 3, 3});
  add("student.norm.weight", {8});
  add("student.position_table", {9, 4});
  add("student.classifier.weight", {5, 8});
  add("objective.projector.weight", {8, 8});
  const StateDict state =
      Optimizer(parameters, {.muon = true, .head = "student.classifier."}).state();
  for (const auto& [name, parameter] : parameters) {
    const bool hidden =
        name.find("conv") != std::string::npos || name.find("in_proj") != std::string::npos;
    EXPECT_EQ(state.contains("momentum." + name), hidden) << name;
    EXPECT_EQ(state.contains("exp_avg." + name), !hidden) << name;
  }
  EXPECT_FALSE(Optimizer(parameters, {}).state().contains("momentum.student.conv.weight"));
}

}  // namespace
}  // namespace retort::train
