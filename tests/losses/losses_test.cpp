#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/losses/align_uniform.h"
#include "retort/losses/objective.h"
#include "retort/losses/projector.h"
#include "tests/losses/common.h"
#include "tests/support/gradcheck.h"
#include "tests/support/message.h"

namespace retort::losses {
namespace {

TEST(Losses, RegistryIsSortedAndComplete) {
  std::vector<std::string> names;
  for (const LossEntry& entry : losses()) {
    names.push_back(entry.name);
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
  }
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  const std::vector<std::string> expected = {"align_uniform", "crd",  "cross_entropy", "dcl",
                                             "dist",          "dkd",  "info_nce",      "kd",
                                             "sigmoid",       "srrl", "supcon"};
  EXPECT_EQ(names, expected);
  EXPECT_DOUBLE_EQ(find_loss("align_uniform").weight, 0.8);
  EXPECT_DOUBLE_EQ(find_loss("kd").options.at("temperature").number(), 4);
}

TEST(Losses, UnknownNameListsTheKnown) {
  try {
    find_loss("kdd");
    FAIL();
  } catch (const UsageError& error) {
    for (const LossEntry& entry : losses())
      EXPECT_NE(std::string(error.what()).find(entry.name), std::string::npos) << error.what();
  }
}

TEST(Losses, GradientsAgreeWithCentralDifferences) {
  const std::vector<std::pair<std::string, Options>> cases = {
      {"cross_entropy", {}},
      {"cross_entropy", {{"label_smoothing", 0.2}}},
      {"kd", {}},
      {"align_uniform", {{"dim", kDim}}},
      {"align_uniform", {{"dim", kDim}, {"alpha", 3}}},
      {"align_uniform", {{"dim", kDim}, {"projector", "simclrv2"}}},
      {"info_nce", {{"dim", kDim}}},
      {"info_nce", {{"dim", kDim}, {"queue", 5}}},
      {"sigmoid", {{"dim", kDim}}},
      {"dcl", {{"dim", kDim}}},
      {"supcon", {{"dim", kDim}}},
      {"crd", {{"dim", kDim}, {"negatives", 16}}},
      {"dkd", {}},
      {"dist", {}},
      {"srrl", {}},
      {"srrl", {{"connector", "mlp2"}}}};
  for (const auto& [name, options] : cases) {
    SCOPED_TRACE(name);
    const std::shared_ptr<Loss> loss = formula_loss(name, options);
    const StepView step = formula_step(at::kDouble);
    const bool features = find_loss(name).kind == Kind::embedding || name == "srrl";
    std::vector<at::Tensor> leaves = loss->parameters();
    leaves.push_back(features ? step.student_features.requires_grad_()
                              : step.student_logits.requires_grad_());
    const auto value = [&] {
      torch::manual_seed(kSeed);
      return loss->forward(step);
    };
    // One step fills banks, queues and running statistics; evaluation leaves them as they are.
    value();
    loss->eval();
    EXPECT_LT(testing::gradient_error(value, leaves), 1e-7);
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
  EXPECT_ERROR(uniformity(at::ones({1, 3})), "needs at least two images in a batch");
}

TEST(InfoNce, TheQueueKeepsTheNewestAndSparesTheImageItself) {
  // One image a step: against a queue with only its own past there are no negatives.
  StepView step = formula_step(at::kDouble);
  const std::shared_ptr<Loss> loss = formula_loss("info_nce", {{"dim", kDim}, {"queue", 3}});
  StepView one = step;
  for (at::Tensor* tensor : {&one.student_features, &one.teacher_features, &one.image_ids})
    *tensor = tensor->narrow(0, 0, 1);
  EXPECT_NEAR(loss->forward(one).item<double>(), 0, 1e-12);
  EXPECT_NEAR(loss->forward(one).item<double>(), 0, 1e-12);
  loss->forward(step);
  EXPECT_GT(loss->forward(one).item<double>(), 0.01);
  EXPECT_EQ(loss->named_buffers()["written"].item<int64_t>(), 6);
}

TEST(Crd, AMillionImagesStayInsideTheBudget) {
  LossContext context = formula_context();
  context.images = 1000000;
  context.labels = at::arange(context.images) % 10;
  context.options = find_loss("crd").options;
  const std::shared_ptr<Loss> loss = find_loss("crd").make(context);
  size_t bytes = 0;
  for (const at::Tensor& buffer : loss->buffers()) bytes += buffer.nbytes();
  EXPECT_LE(bytes, size_t{513} << 20);
  EXPECT_LE(static_cast<double>(bytes),
            find_loss("crd").options.at("bank_mib").number() * (1 << 20));
  StepView step;
  step.student_features = at::ones({4, kStudent});
  step.teacher_features = at::ones({4, kTeacher});
  step.labels = at::zeros({4}, at::kLong);
  step.image_ids = at::arange(4) * 10;
  EXPECT_TRUE(loss->forward(step).isfinite().item<bool>());
  context.options.insert_or_assign("bank_mib", 100);
  EXPECT_USAGE_ERROR(find_loss("crd").make(context), "MiB, more than `bank_mib`");
}

TEST(Crd, NegativesAreOfOtherClasses) {
  LossContext context = formula_context();
  context.student_dim = context.teacher_dim = 2;
  context.images = 4;
  context.labels = at::tensor({1, 0, 1, 0}, at::kLong);
  context.options = find_loss("crd").options;
  for (const auto& [name, value] : Options{{"dim", 2}, {"negatives", 50}, {"temperature", 1}})
    context.options.insert_or_assign(name, value);
  const std::shared_ptr<Loss> loss = find_loss("crd").make(context);
  to_double(*loss);
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : loss->parameters()) parameter.zero_();
  for (const char* side : {"student.output.bias", "teacher.output.bias"})
    loss->named_parameters()[side][0] = 1;
  // Both sides embed as (1, 0). The bank rows of class 1 are e0, those of class 0 −e0: for an image
  // of class 1 all negatives score e⁻¹.
  const at::Tensor rows =
      at::tensor({1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0, 0.0}, at::kDouble).view({4, 2});
  for (const char* bank : {"student_bank", "teacher_bank"}) loss->named_buffers()[bank].copy_(rows);
  StepView step;
  step.student_features = step.teacher_features = at::zeros({1, 2}, at::kDouble);
  step.labels = at::ones({1}, at::kLong);
  step.image_ids = at::zeros({1}, at::kLong);
  const double positive = std::exp(1.0), negative = std::exp(-1.0), noise = 50.0 / 4,
               z = (positive + 50 * negative) / 51 * 4;
  const double side = std::log(positive / z / (positive / z + noise)) +
                      50 * std::log(noise / (negative / z + noise));
  EXPECT_NEAR(loss->forward(step).item<double>(), -2 * side, 1e-4);
}

TEST(Crd, AnImageWithoutALabelHasAllOthersForNegatives) {
  LossContext context = formula_context();
  context.labels = context.labels.clone();
  context.labels[2] = context.labels[5] = -1;
  context.options = find_loss("crd").options;
  context.options.insert_or_assign("negatives", 200);
  const std::shared_ptr<Loss> loss = find_loss("crd").make(context);
  StepView step = formula_step(at::kFloat);
  step.labels = context.labels;
  EXPECT_TRUE(loss->forward(step).isfinite().item<bool>());

  // With a single unlabelled image its only negatives are the labelled ones, never itself. NaNs in
  // the bank show which rows were drawn.
  context.images = 3;
  context.labels = at::tensor({0, 1, -1}, at::kLong);
  const std::shared_ptr<Loss> small = find_loss("crd").make(context);
  to_double(*small);
  const at::NoGradGuard no_grad;
  for (const char* bank : {"student_bank", "teacher_bank"}) {
    small->named_buffers()[bank].zero_();
    small->named_buffers()[bank][2].fill_(std::numeric_limits<double>::quiet_NaN());
  }
  const auto value = [&](int64_t id, int64_t label) {
    StepView one;
    one.student_features = at::ones({1, kStudent}, at::kDouble);
    one.teacher_features = at::ones({1, kTeacher}, at::kDouble);
    one.labels = at::full({1}, label, at::kLong);
    one.image_ids = at::full({1}, id, at::kLong);
    small->eval();
    return small->forward(one).item<double>();
  };
  EXPECT_TRUE(std::isnan(value(0, 0)));  // the unlabelled image is among its negatives
  small->named_buffers()["student_bank"][2].zero_();
  small->named_buffers()["teacher_bank"][2].zero_();
  for (const char* bank : {"student_bank", "teacher_bank"})
    small->named_buffers()[bank][0].fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(std::isnan(value(2, -1)));  // image 0 is among the negatives of the unlabelled one
}

TEST(SupCon, AnImageWithoutALabelIsAClassOfItsOwn) {
  const std::shared_ptr<Loss> loss = formula_loss("supcon", {});
  StepView step = formula_step(at::kDouble);
  step.labels.fill_(-1);
  const double unlabelled = loss->forward(step).item<double>();
  step.labels = at::arange(kImages);
  EXPECT_DOUBLE_EQ(unlabelled, loss->forward(step).item<double>());
}

TEST(Dkd, WithoutALabelTheTeachersChoiceStandsForIt) {
  const std::shared_ptr<Loss> loss = formula_loss("dkd", {});
  StepView step = formula_step(at::kDouble);
  step.labels = step.teacher_logits.argmax(1);
  const double chosen = loss->forward(step).item<double>();
  step.labels.fill_(-1);
  EXPECT_DOUBLE_EQ(loss->forward(step).item<double>(), chosen);
}

TEST(Losses, OptionsSayWhatTheyMayBe) {
  EXPECT_USAGE_ERROR(formula_loss("info_nce", {{"temperature", "warm"}}),
                     "loss option `temperature`");
  EXPECT_USAGE_ERROR(formula_loss("info_nce", {{"dim", 2.5}}),
                     "loss option `dim`: must be a whole number, not 2.5");
  EXPECT_USAGE_ERROR(formula_loss("srrl", {{"connector", 2}}), "loss option `connector`");
  EXPECT_USAGE_ERROR(formula_loss("dcl", {{"projector", "mocov3"}}), "mocov3");
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
  for (const at::Tensor& parameter : projector.parameters())
    EXPECT_TRUE(parameter.grad().isfinite().all().item<bool>());
  EXPECT_ERROR(Projector(0, 3), "needs features of at least one dimension");
}

TEST(Distillation, ZeroForEqualProbabilitiesAndStrictAboutShapes) {
  StepView step = formula_step(at::kDouble);
  step.teacher_logits = step.student_logits + 3;  // a shift changes no probability
  EXPECT_NEAR(formula_loss("kd", {})->forward(step).item<double>(), 0, 1e-12);
  step.teacher_logits = at::ones({kImages, kClasses + 1}, at::kDouble);
  EXPECT_ERROR(formula_loss("kd", {})->forward(step),
               "loss `kd`: the student's and the teacher's logits differ in shape");
}

TEST(CrossEntropy, AMixedImageHasTwoLabels) {
  StepView step = formula_step(at::kDouble);
  const auto value = [&] {
    return formula_loss("cross_entropy", {})->forward(step).item<double>();
  };
  const double own = value();
  const at::Tensor labels = step.labels;
  step.labels = labels.flip(0);
  const double partner = value();
  step.labels = labels;
  step.partner_labels = labels.flip(0);
  step.label_share = at::full({kImages}, 0.3, at::kDouble);
  EXPECT_NEAR(value(), 0.3 * own + 0.7 * partner, 1e-12);
}

TEST(CrossEntropy, EvenLogitsCostLogOfTheClasses) {
  StepView step = formula_step(at::kDouble);
  step.student_logits = at::zeros({kImages, kClasses}, at::kDouble);
  EXPECT_NEAR(formula_loss("cross_entropy", {})->forward(step).item<double>(), std::log(kClasses),
              1e-12);
}

// A batch with many unlabelled images may leave a single row for a logit loss.
TEST(Losses, OneRowIsEnough) {
  StepView step = formula_step(at::kFloat);
  for (at::Tensor StepView::*field :
       {&StepView::student_features, &StepView::student_logits, &StepView::teacher_features,
        &StepView::teacher_logits, &StepView::labels, &StepView::image_ids})
    step.*field = (step.*field).slice(0, 0, 1);
  for (const LossEntry& entry : losses()) {
    if (entry.kind != Kind::logit) continue;
    LossContext context = formula_context();
    context.options = entry.options;
    const std::shared_ptr<Loss> loss = entry.make(context);
    loss->train();
    step.student_features = step.student_features.detach().requires_grad_();
    step.student_logits = step.student_logits.detach().requires_grad_();
    const at::Tensor value = loss->forward(step);
    EXPECT_TRUE(at::isfinite(value).item<bool>()) << entry.name;
    value.backward();
  }
}

TEST(Losses, CrdNeedsNoLabels) {
  LossContext context = formula_context();
  context.labels = at::full({kImages}, -1, at::kLong);
  context.options = find_loss("crd").options;
  context.options.insert_or_assign("negatives", 4.0);
  const std::shared_ptr<Loss> loss = find_loss("crd").make(context);
  StepView step = formula_step(at::kFloat);
  step.labels = context.labels;
  EXPECT_TRUE(at::isfinite(loss->forward(step)).item<bool>());
}

}  // namespace
}  // namespace retort::losses
