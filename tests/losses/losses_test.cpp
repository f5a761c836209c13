#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/losses/align_uniform.h"
#include "retort/losses/objective.h"
#include "retort/losses/projector.h"
#include "tests/losses/common.h"
#include "tests/support/gradcheck.h"

namespace retort::losses {
namespace {

TEST(Losses, RegistryIsSortedAndComplete) {
  std::vector<std::string> names;
  for (const LossEntry& entry : losses()) {
    names.push_back(entry.name);
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char* name : {"align_uniform", "cross_entropy", "kd"}) EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
  EXPECT_DOUBLE_EQ(find_loss("align_uniform").weight, 0.8);
  EXPECT_DOUBLE_EQ(find_loss("kd").options.at("temperature"), 4);
}

TEST(Losses, UnknownNameListsTheKnown) {
  try {
    find_loss("kdd");
    FAIL();
  } catch (const UsageError& error) {
    for (const LossEntry& entry : losses()) EXPECT_NE(std::string(error.what()).find(entry.name), std::string::npos) << error.what();
  }
}

TEST(Losses, GradientsAgreeWithCentralDifferences) {
  const std::vector<std::pair<std::string, Options>> cases = {{"cross_entropy", {}},
                                                              {"cross_entropy", {{"label_smoothing", 0.2}}},
                                                              {"kd", {}},
                                                              {"align_uniform", {{"dim", kDim}}},
                                                              {"align_uniform", {{"dim", kDim}, {"alpha", 3}}}};
  for (const auto& [name, options] : cases) {
    SCOPED_TRACE(name);
    const std::shared_ptr<Loss> loss = formula_loss(name, options);
    const StepView step = formula_step(at::kDouble);
    const bool embedding = find_loss(name).kind == Kind::embedding;
    std::vector<at::Tensor> leaves = loss->parameters();
    leaves.push_back(embedding ? step.student_features.requires_grad_() : step.student_logits.requires_grad_());
    EXPECT_LT(testing::gradient_error([&] { return loss->forward(step); }, leaves), 1e-8);
  }
}

TEST(AlignUniform, AlignmentOfEqualRowsIsZeroWithFiniteGradient) {
  for (const double alpha : {1.0, 2.0, 3.0}) {
    const at::Tensor s = at::eye(4).requires_grad_();
    const at::Tensor value = alignment(s, at::eye(4), alpha);
    value.backward();
    EXPECT_EQ(value.item<float>(), 0.0F);
    EXPECT_TRUE(s.grad().equal(at::zeros({4, 4}))) << alpha;
  }
}

TEST(AlignUniform, UniformityOfKnownPoints) {
  const at::Tensor same = at::ones({5, 1});
  EXPECT_NEAR(uniformity(same).item<double>(), 0, 1e-6);
  // Orthogonal rows: every squared distance is 2.
  EXPECT_NEAR(uniformity(at::eye(6), 3).item<double>(), -6, 1e-6);
  // exp(−400) underflows in fp32; its log must not.
  const at::Tensor opposite = at::tensor({1.0F, -1.0F}).view({2, 1});
  EXPECT_NEAR(uniformity(opposite, 100).item<double>(), -400, 1e-3);
  EXPECT_THROW(uniformity(at::ones({1, 3})), Error);
}

TEST(Projector, UnitRowsAndNoNanAtZero) {
  Projector projector(5, 3);
  const at::Tensor z = projector.forward(testing::formula_uniform("x", {4, 5}));
  EXPECT_EQ(z.sizes(), at::IntArrayRef({4, 3}));
  EXPECT_TRUE(at::allclose(at::linalg_vector_norm(z, 2, {1}), at::ones({4})));
  for (at::Tensor& parameter : projector.parameters()) torch::nn::init::zeros_(parameter);
  const at::Tensor zero = projector.forward(at::ones({2, 5}));
  zero.sum().backward();
  EXPECT_TRUE(zero.equal(at::zeros({2, 3})));
  for (const at::Tensor& parameter : projector.parameters()) EXPECT_TRUE(parameter.grad().isfinite().all().item<bool>());
  EXPECT_THROW(Projector(0, 3), Error);
}

TEST(Distillation, ZeroForEqualProbabilitiesAndStrictAboutShapes) {
  StepView step = formula_step(at::kDouble);
  step.teacher_logits = step.student_logits + 3;  // a shift changes no probability
  EXPECT_NEAR(formula_loss("kd", {})->forward(step).item<double>(), 0, 1e-12);
  step.teacher_logits = at::ones({kImages, kClasses + 1}, at::kDouble);
  EXPECT_THROW(formula_loss("kd", {})->forward(step), Error);
}

TEST(CrossEntropy, EvenLogitsCostLogOfTheClasses) {
  StepView step = formula_step(at::kDouble);
  step.student_logits = at::zeros({kImages, kClasses}, at::kDouble);
  EXPECT_NEAR(formula_loss("cross_entropy", {})->forward(step).item<double>(), std::log(kClasses), 1e-12);
}

}  // namespace
}  // namespace retort::losses
