#include <gtest/gtest.h>

#include <ATen/autocast_mode.h>

#include "retort/core/error.h"
#include "retort/losses/objective.h"
#include "tests/losses/common.h"
#include "tests/support/far_device.h"
#include "tests/support/message.h"

namespace retort::losses {
namespace {

std::string usage_error(const std::vector<TermConfig>& terms) {
  try {
    const Objective objective(terms, formula_context());
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no UsageError";
}

void expect_named(const std::string& message, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    EXPECT_NE(message.find(word), std::string::npos) << "`" << word << "` is not in: " << message;
}

// Autocast on the CPU as the trainer sets it around the model.
class Autocast {
 public:
  Autocast() {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Autocast() { at::autocast::set_autocast_enabled(at::kCPU, false); }
};

TEST(Objective, WeightsTheTermsAndReportsThemUnweighted) {
  Objective objective({{"cross_entropy", 0.5, {}}, {"kd", 3, {}}}, formula_context());
  StepView step = formula_step(at::kFloat);
  step.student_logits.requires_grad_();
  const Objective::Value value = objective.forward(step);
  ASSERT_EQ(value.terms.size(), 2U);
  EXPECT_EQ(value.terms[0].first, "cross_entropy");
  EXPECT_EQ(value.terms[1].first, "kd");
  EXPECT_FALSE(value.terms[0].second.requires_grad());
  EXPECT_NEAR(value.terms[0].second.item<double>(),
              at::cross_entropy_loss(step.student_logits, step.labels).item<double>(), 1e-6);
  EXPECT_NEAR(value.total.item<double>(),
              0.5 * value.terms[0].second.item<double>() + 3 * value.terms[1].second.item<double>(),
              1e-5);
  value.total.backward();
  EXPECT_TRUE(step.student_logits.grad().defined());
}

TEST(Objective, OwnsTheProjectorsOfItsTerms) {
  const Objective objective({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {{"dim", 16}}}},
                            formula_context());
  const auto parameters = objective.named_parameters();
  EXPECT_EQ(parameters.size(), 8U);
  EXPECT_EQ(parameters["align_uniform.student.hidden.weight"].sizes(),
            at::IntArrayRef({kStudent, kStudent}));
  EXPECT_EQ(parameters["align_uniform.teacher.output.weight"].sizes(),
            at::IntArrayRef({16, kTeacher}));
}

TEST(Objective, BothProjectorsLearn) {
  Objective objective({{"align_uniform", 0.8, {}}}, formula_context());
  objective.forward(formula_step(at::kFloat)).total.backward();
  for (const auto& parameter : objective.named_parameters())
    EXPECT_GT(parameter.value().grad().abs().sum().item<double>(), 0) << parameter.key();
}

TEST(Objective, FullPrecisionUnderAutocast) {
  Objective objective({{"cross_entropy", 1, {}}, {"align_uniform", 0.8, {}}, {"kd", 1, {}}},
                      formula_context());
  const StepView low = formula_step(at::kBFloat16);
  StepView full = low;
  for (at::Tensor* tensor :
       {&full.student_features, &full.student_logits, &full.teacher_features, &full.teacher_logits})
    *tensor = tensor->to(at::kFloat);
  const Objective::Value expected = objective.forward(full);
  const Autocast autocast;
  const Objective::Value value = objective.forward(low);
  EXPECT_EQ(value.total.scalar_type(), at::kFloat);
  EXPECT_EQ(value.total.item<float>(), expected.total.item<float>());
  // Outside, autocast is still on.
  EXPECT_EQ(at::matmul(at::ones({2, 2}), at::ones({2, 2})).scalar_type(), at::kBFloat16);
}

// With labels, ids and the teacher's outputs on the CPU, as the trainer has them.
TEST(Objective, OnAnotherDeviceIsTheSameAndWaitsForNothing) {
  for (const LossEntry& entry : losses()) {
    SCOPED_TRACE(entry.name);
    std::vector<TermConfig> terms{{entry.name, 1, {}}};
    if (entry.name == "info_nce") terms[0].options = {{"queue", 5}};
    // Two steps, because banks and queues are empty in the first: the value and gradients of the
    // second.
    const auto values = [&](bool far) {
      Objective objective(terms, formula_context());
      formula_fill(objective);
      if (far) testing::to_far(objective);
      StepView step = formula_step(at::kFloat);
      step.labels[0] = -1;
      const c10::Device device = far ? testing::kFar : c10::Device(c10::kCPU);
      for (at::Tensor* of_student : {&step.student_features, &step.student_logits})
        *of_student = of_student->to(device).requires_grad_();
      torch::manual_seed(kSeed);
      const int64_t waits = testing::waits_for_far();
      at::Tensor total;
      for (int again = 0; again < 2; ++again) {
        total = objective.forward(step).total;
        total.backward();
      }
      EXPECT_EQ(testing::waits_for_far(), waits);
      EXPECT_EQ(total.device(), device);
      std::vector<at::Tensor> all{total.detach()};
      for (const at::Tensor& leaf : {step.student_features, step.student_logits})
        if (leaf.grad().defined()) all.push_back(leaf.grad());
      for (const at::Tensor& parameter : objective.parameters()) all.push_back(parameter.grad());
      for (at::Tensor& each : all) each = each.to(at::kCPU).flatten();
      return at::cat(all);
    };
    const at::Tensor near = values(false);
    EXPECT_LT(((values(true) - near).norm() / near.norm()).item<double>(), 1e-5);
  }
}

TEST(Objective, NeedsTeacher) {
  EXPECT_FALSE(Objective({{"cross_entropy", 1, {}}}, formula_context()).needs_teacher());
  EXPECT_FALSE(
      Objective({{"cross_entropy", 1, {}}, {"kd", 0, {}}}, formula_context()).needs_teacher());
  EXPECT_TRUE(
      Objective({{"cross_entropy", 1, {}}, {"kd", 1, {}}}, formula_context()).needs_teacher());
  EXPECT_TRUE(Objective({{"align_uniform", 1, {}}}, formula_context()).needs_teacher());
}

TEST(Objective, TrainsWithoutATeacherOnLabelsAlone) {
  StepView step = formula_step(at::kFloat);
  step.teacher_features = step.teacher_logits = at::Tensor();
  EXPECT_TRUE(Objective({{"cross_entropy", 1, {}}}, formula_context())
                  .forward(step)
                  .total.isfinite()
                  .item<bool>());
  EXPECT_ERROR(Objective({{"kd", 1, {}}}, formula_context()).forward(step),
               "loss `kd`: needs a teacher, and this step has none");
  EXPECT_ERROR(Objective({{"align_uniform", 1, {}}}, formula_context()).forward(step),
               "loss `align_uniform`: needs a teacher");
}

TEST(Objective, ATermSeesTheRowsThatAreForItsKindAndWeighsAsManyAsTheyAre) {
  const StepView all = formula_step(at::kFloat);
  StepView step = all;
  step.labels = all.labels.clone();
  step.labels.slice(0, 0, 3).fill_(-1);
  step.logit_rows = at::arange(kImages).lt(4);
  const auto values = [](const StepView& of) {
    Objective objective({{"cross_entropy", 1, {}}, {"kd", 1, {}}, {"align_uniform", 1, {}}},
                        formula_context());
    formula_fill(objective);
    return objective.forward(of).terms;
  };
  const auto rows = [&](int64_t first, int64_t last) {
    StepView part = all;
    for (at::Tensor* tensor : {&part.student_features, &part.student_logits, &part.teacher_features,
                               &part.teacher_logits, &part.labels})
      *tensor = tensor->slice(0, first, last);
    return part;
  };
  const auto found = values(step);
  const double images = kImages;
  EXPECT_NEAR(found[0].second.item<double>(),
              values(rows(3, kImages))[0].second.item<double>() * (images - 3) / images, 1e-6);
  EXPECT_NEAR(found[1].second.item<double>(),
              values(rows(0, 4))[1].second.item<double>() * 4 / images, 1e-6);
  EXPECT_EQ(found[2].second.item<double>(), values(all)[2].second.item<double>());

  step.labels.fill_(-1);
  EXPECT_EQ(values(step)[0].second.item<double>(), 0);
  Objective labels_alone({{"cross_entropy", 1, {}}}, formula_context());
  step.student_logits.requires_grad_();
  labels_alone.forward(step).total.backward();
  EXPECT_EQ(step.student_logits.grad().abs().max().item<double>(), 0);
}

TEST(Objective, RefusesWhatCannotBeMeant) {
  expect_named(usage_error({{"nonsense", 1, {}}}),
               {"nonsense", "align_uniform", "cross_entropy", "kd"});
  expect_named(usage_error({{"nonsense", 0, {}}}), {"nonsense"});
  expect_named(usage_error({{"kd", 1, {{"temprature", 2}}}}), {"kd", "temprature", "temperature"});
  expect_named(usage_error({{"align_uniform", 1, {{"temperature", 2}}}}),
               {"alpha", "t", "dim", "align_weight", "uniform_weight"});
  expect_named(usage_error({{"kd", -1, {}}}), {"kd", "weight"});
  expect_named(usage_error({{"kd", NAN, {}}}), {"kd", "weight"});
  expect_named(usage_error({{"kd", 1, {}}, {"kd", 2, {}}}), {"kd", "twice"});
  expect_named(usage_error({}), {"no loss"});
  expect_named(usage_error({{"kd", 0, {}}}), {"no loss"});
}

TEST(Objective, RefusesOptionsOutOfRange) {
  const std::vector<std::pair<std::string, Options>> cases = {
      {"kd", {{"temperature", 0}}},
      {"kd", {{"temperature", NAN}}},
      {"cross_entropy", {{"label_smoothing", 1}}},
      {"cross_entropy", {{"label_smoothing", -0.1}}},
      {"align_uniform", {{"alpha", 0.5}}},
      {"align_uniform", {{"t", 0}}},
      {"align_uniform", {{"dim", 0}}},
      {"align_uniform", {{"dim", 2.5}}},
      {"align_uniform", {{"dim", 1e12}}},
      {"align_uniform", {{"align_weight", -1}}}};
  for (const auto& [name, options] : cases)
    expect_named(usage_error({{name, 1, options}}), {"`" + options.begin()->first + "`"});
  expect_named(usage_error({{"align_uniform", 1, {{"align_weight", 0}, {"uniform_weight", 0}}}}),
               {"align_weight", "uniform_weight"});
}

}  // namespace
}  // namespace retort::losses
