#include "retort/teacher/linear_probe.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"

namespace retort::teacher {
namespace {

using testing::formula_uniform;

// Rows around one centre for each class, with units far from standard, so that standardising
// matters.
std::pair<at::Tensor, at::Tensor> blobs(const std::string& name, int64_t rows, int64_t classes,
                                        int64_t dim, double spread) {
  const at::Tensor labels = at::arange(rows) % classes;
  const at::Tensor centres = formula_uniform("centres", {classes, dim});
  const at::Tensor scale = formula_uniform("scale", {dim}, 0.1, 50);
  return {
      (centres.index_select(0, labels) + spread * formula_uniform(name, {rows, dim})) * scale + 7,
      labels};
}

TEST(LinearProbe, SeparatesWhatIsSeparable) {
  const auto [x, y] = blobs("train", 200, 5, 16, 0.3);
  const auto [val_x, val_y] = blobs("val", 100, 5, 16, 0.3);
  const LinearHead head = fit_linear_probe({x}, y, {val_x}, val_y, 5);
  EXPECT_EQ(head.weight.sizes(), at::IntArrayRef({5, 16}));
  EXPECT_DOUBLE_EQ(head.val_accuracy, 100);
  EXPECT_DOUBLE_EQ(accuracy_of(at::linear(val_x, head.weight, head.bias), val_y), 100);
}

TEST(LinearProbe, PicksTheRegularisationThatValidationLikes) {
  // With few noisy rows in many dimensions a weakly regularised fit follows the noise.
  const auto [x, y] = blobs("train", 40, 4, 128, 4);
  const auto [val_x, val_y] = blobs("val", 400, 4, 128, 4);
  const LinearHead head = fit_linear_probe({x}, y, {val_x}, val_y, 4);
  EXPECT_GE(head.l2, 1e-3);
  EXPECT_NEAR(accuracy_of(at::linear(val_x, head.weight, head.bias), val_y), head.val_accuracy,
              0.6);
}

TEST(LinearProbe, IsAtTheMinimum) {
  const auto [x, y] = blobs("train", 60, 3, 8, 1.5);
  const LinearHead head = fit_linear_probe({x}, y, {}, {}, 3);
  const at::Tensor mean = x.mean(0), std = x.std(0, false);
  at::Tensor weight = (head.weight * std).requires_grad_();
  at::Tensor bias = (head.bias + at::mv(head.weight, mean)).requires_grad_();
  (at::cross_entropy_loss(at::linear((x - mean) / std, weight, bias), y) +
   0.5 * head.l2 * weight.square().sum())
      .backward();
  EXPECT_LT(weight.grad().abs().max().item<double>(), 2e-4);
  EXPECT_LT(bias.grad().abs().max().item<double>(), 2e-4);
}

TEST(LinearProbe, DeadFeaturesDoNoHarm) {
  auto [x, y] = blobs("train", 90, 3, 8, 0.3);
  x.select(1, 2).fill_(5);
  const LinearHead head = fit_linear_probe({x}, y, {x}, y, 3);
  EXPECT_TRUE(at::isfinite(head.weight).all().item<bool>());
  EXPECT_DOUBLE_EQ(head.val_accuracy, 100);
}

TEST(LinearProbe, PartsAreOneMatrix) {
  const auto [x, y] = blobs("train", 700, 4, 16, 3);
  const auto [val_x, val_y] = blobs("val", 90, 4, 16, 3);
  const LinearHead whole = fit_linear_probe({x}, y, {val_x}, val_y, 4);
  const LinearHead parts = fit_linear_probe(x.split(301), y, val_x.split(40), val_y, 4);
  EXPECT_EQ(whole.l2, parts.l2);
  EXPECT_TRUE(at::allclose(whole.weight, parts.weight, 1e-2, 1e-4))
      << (whole.weight - parts.weight).abs().max();
}

TEST(LinearProbe, TakesHalfAndLeavesItAsItWas) {
  const auto [x, y] = blobs("train", 200, 5, 16, 0.3);
  const at::Tensor half = x.to(at::kHalf), before = half.clone();
  const LinearHead head = fit_linear_probe({half}, y, {half}, y, 5);
  EXPECT_DOUBLE_EQ(head.val_accuracy, 100);
  EXPECT_EQ(head.weight.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(half, before));
}

TEST(LinearProbe, StopsWhenAsked) {
  const auto [x, y] = blobs("train", 90, 3, 8, 0.3);
  StopFlag stop{true};
  EXPECT_THROW(fit_linear_probe({x}, y, {x}, y, 3, null_log(), stop), Interrupted);
}

TEST(LinearProbe, NothingToFitOnIsAnError) {
  EXPECT_ERROR(fit_linear_probe({}, at::empty({0}, at::kLong), {}, {}, 3),
               "no features to fit the teacher's head on");
}

}  // namespace
}  // namespace retort::teacher
