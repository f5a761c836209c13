// Parity with references in Python (scripts/fixtures/losses.py), which were written anew to compute
// what the authors' public code computes; none of that code runs. Two functions, align_loss and
// uniform_loss, are lines that their authors published.
#include <gtest/gtest.h>

#include <torch/autograd.h>
#include <torch/nn/functional/normalization.h>
#include <torch/optim/adamw.h>
#include <nlohmann/json.hpp>

#include "retort/core/file.h"
#include "retort/losses/align_uniform.h"
#include "retort/losses/objective.h"
#include "tests/losses/common.h"

namespace retort::losses {
namespace {

nlohmann::json fixture(const std::string& name) {
  return nlohmann::json::parse(read_file(std::string(RETORT_FIXTURES) + "/losses/" + name));
}

double difference(const at::Tensor& tensor, const nlohmann::json& expected) {
  const auto values = expected.get<std::vector<double>>();
  if (static_cast<int64_t>(values.size()) != tensor.numel()) return INFINITY;
  return (tensor.detach().to(at::kDouble).flatten() - at::tensor(values, at::kDouble))
      .abs()
      .max()
      .item<double>();
}

Options options_from(const nlohmann::json& json) {
  Options options;
  for (const auto& [name, value] : json.items())
    options.emplace(name, value.is_string() ? OptionValue(value.get<std::string>())
                                            : OptionValue(value.get<double>()));
  return options;
}

TEST(LossParity, ValuesAndGradients) {
  for (const nlohmann::json& expected : fixture("cases.json")) {
    SCOPED_TRACE(expected.at("loss").dump() + expected.at("options").dump());
    const std::shared_ptr<Loss> loss =
        formula_loss(expected.at("loss"), options_from(expected.at("options")));
    StepView step = formula_step(at::kDouble);
    step.student_features.requires_grad_();
    step.student_logits.requires_grad_();
    torch::manual_seed(kSeed);
    const at::Tensor value = loss->forward(step);
    value.backward();
    EXPECT_NEAR(value.item<double>(), expected.at("value").get<double>(), 1e-12);

    std::map<std::string, at::Tensor> gradients;
    if (step.student_features.grad().defined())
      gradients["student_features"] = step.student_features.grad();
    if (step.student_logits.grad().defined())
      gradients["student_logits"] = step.student_logits.grad();
    for (const auto& parameter : loss->named_parameters())
      gradients[parameter.key()] = parameter.value().grad();
    EXPECT_EQ(gradients.size(), expected.at("gradients").size());
    for (const auto& [name, gradient] : gradients)
      EXPECT_LT(difference(gradient, expected.at("gradients").at(name)), 1e-12) << name;
  }
}

TEST(LossParity, AlignmentAndUniformity) {
  using testing::formula_uniform;
  namespace functional = torch::nn::functional;
  const auto unit = functional::NormalizeFuncOptions().dim(1);
  const at::Tensor s =
      functional::normalize(formula_uniform("s", {kImages, kDim}).to(at::kDouble), unit)
          .requires_grad_();
  const at::Tensor t =
      functional::normalize(formula_uniform("t", {kImages, kDim}).to(at::kDouble), unit);
  for (const nlohmann::json& expected : fixture("functions.json")) {
    const std::string function = expected.at("function");
    const double parameter = expected.at("parameter");
    SCOPED_TRACE(function + " " + std::to_string(parameter));
    const at::Tensor value =
        function == "alignment" ? alignment(s, t, parameter) : uniformity(s, parameter);
    const at::Tensor gradient = torch::autograd::grad({value}, {s}).at(0);
    EXPECT_NEAR(value.item<double>(), expected.at("value").get<double>(), 1e-12);
    if (function == "alignment") {
      EXPECT_LT(difference(gradient, expected.at("gradient")), 1e-12);
    } else {
      // ‖zi − zj‖² = 2 − 2·zi·zj holds only on the sphere, so that the gradients agree only in its
      // tangent plane.
      const at::Tensor reference =
          at::tensor(expected.at("gradient").get<std::vector<double>>(), at::kDouble).view_as(s);
      const at::Tensor gap = gradient - reference;
      EXPECT_LT((gap - (gap * s).sum(1, true) * s).abs().max().item<double>(), 1e-12);
    }
  }
}

void expect_three_steps(const nlohmann::json& expected) {
  torch::nn::Linear backbone(kInput, kStudent), head(kStudent, kClasses);
  torch::nn::Module student;
  student.register_module("backbone", backbone.ptr());
  student.register_module("head", head.ptr());
  std::vector<TermConfig> terms;
  for (const nlohmann::json& term : expected.at("terms"))
    terms.push_back({term.at("loss"), term.at("weight"), options_from(term.at("options"))});
  Objective objective(terms, formula_context());
  formula_fill(student);
  formula_fill(objective);

  std::vector<at::Tensor> parameters = student.parameters();
  for (const at::Tensor& parameter : objective.parameters()) parameters.push_back(parameter);
  torch::optim::AdamW optimizer(
      parameters,
      torch::optim::AdamWOptions(expected.at("lr")).weight_decay(expected.at("weight_decay")));
  const at::Tensor images = testing::formula_uniform("images", {kImages, kInput});
  StepView step = formula_step(at::kFloat);
  uint64_t seed = kSeed;
  for (const double total : expected.at("totals").get<std::vector<double>>()) {
    torch::manual_seed(seed++);
    step.student_features = backbone->forward(images);
    step.student_logits = head->forward(step.student_features);
    const at::Tensor value = objective.forward(step).total;
    EXPECT_NEAR(value.item<double>(), total, 3e-6 * std::max(std::abs(total), 1.0));
    optimizer.zero_grad();
    value.backward();
    optimizer.step();
  }

  size_t seen = 0;
  for (const torch::nn::Module* module :
       std::initializer_list<const torch::nn::Module*>{&student, &objective}) {
    for (const auto& parameter : module->named_parameters()) {
      EXPECT_LT(difference(parameter.value(), expected.at("parameters").at(parameter.key())), 2e-5)
          << parameter.key();
      ++seen;
    }
  }
  EXPECT_EQ(seen, expected.at("parameters").size());
}

TEST(LossParity, ThreeAdamWSteps) {
  for (const nlohmann::json& expected : fixture("training.json")) {
    SCOPED_TRACE(expected.at("terms").dump());
    expect_three_steps(expected);
  }
}

}  // namespace
}  // namespace retort::losses
