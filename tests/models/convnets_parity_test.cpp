// Parity with torchvision's and timm's networks on formula-filled weights.
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/utils.h>

#include "tests/models/convnets_common.h"

namespace retort::models {
namespace {

using testing::formula_parameter;
using testing::formula_uniform;

at::Tensor tensor_of(const nlohmann::json& numbers) {
  return at::tensor(numbers.get<std::vector<double>>(), at::kDouble);
}

// The largest difference, relative to the largest value.
double largest_difference(const at::Tensor& actual, const nlohmann::json& expected) {
  const at::Tensor wanted = tensor_of(expected);
  if (actual.sizes() != wanted.sizes()) return INFINITY;
  return (actual.to(at::kDouble) - wanted).abs().max().item<double>() /
         wanted.abs().max().item<double>();
}

// The names and shapes of the public state_dict, with all tensors of batch norms.
std::map<std::string, std::vector<int64_t>> public_shapes(const nlohmann::json& fixture) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& layer : fixture["layers"]) {
    const auto name = layer[0].get<std::string>();
    if (layer[1].is_array()) {
      shapes[name + ".weight"] = layer[1].get<std::vector<int64_t>>();
      if (layer[1].size() == 2 || layer.size() == 3)
        shapes[name + ".bias"] = {layer[1][0].get<int64_t>()};
    } else {
      for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"})
        shapes[name + part] = {layer[1].get<int64_t>()};
      shapes[name + ".num_batches_tracked"] = {};
    }
  }
  return shapes;
}

// The tensors that training has changed, also running statistics.
void expect_changes(ImageModel& model, const nlohmann::json& expected) {
  for (const auto& [name, tensor] : state_of(model))
    if (!name.ends_with("num_batches_tracked"))
      expect_digest(expected[name], name, tensor - formula_parameter(name, tensor.sizes()), 1e-4,
                    1e-3);
}

class ConvnetParity : public ::testing::TestWithParam<std::string> {
 protected:
  void expect_outputs(ImageModel& model, at::TensorOptions options, double relative) const {
    const Output output = model.forward(images({2, 3, 64, 64}, options));
    const auto& expected = fixture_["eval"];
    ASSERT_EQ(output.features.sizes(), (std::vector<int64_t>{2, model.feature_dim()}));
    expect_digest(expected["features"], "features", output.features, relative);
    double worst = largest_difference(model.forward(images({1, 3, 75, 50}, options)).logits[0],
                                      expected["odd"]);
    for (int64_t i = 0; i < 2; ++i)
      worst = std::max(worst, largest_difference(output.logits[i], expected["logits"][i]));
    EXPECT_LT(worst, relative);
    if (options.dtype() == at::kFloat)
      RecordProperty("difference", std::to_string(worst * 1e6) + "e-6");
  }

  static at::Tensor images(at::IntArrayRef shape, at::TensorOptions options) {
    return at::empty(shape, options).copy_(formula_uniform("images", shape));
  }

  nlohmann::json fixture_ = convnet_fixture(GetParam());
};

TEST_P(ConvnetParity, NamesInitialWeightsAndOutputs) {
  const at::NoGradGuard no_grad;
  torch::manual_seed(7);
  const ModelPtr model = make_model({GetParam(), fixture_["classes"].get<int64_t>()});
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto& [name, tensor] : state_of(*model)) shapes[name] = tensor.sizes().vec();
  EXPECT_EQ(shapes, public_shapes(fixture_));
  for (const auto& item : model->named_parameters()) {
    const double tolerance = 1e-4 * item.value().norm().item<double>() + 1e-9;
    EXPECT_NEAR(probe(item.key(), item.value()), fixture_["init"][item.key()].get<double>(),
                tolerance)
        << item.key();
  }

  fill(*model);
  model->eval();
  // The references are float64. Measured in float32: 7e-5 at worst (EfficientNet-Lite4), with
  // AVX-512, AVX2 and SSE alike.
  expect_outputs(*model, at::kFloat, 3e-4);
  for (at::Tensor& parameter : model->parameters())
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  expect_outputs(*model,
                 at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast), 3e-4);
  model->to(at::kDouble);
  expect_outputs(*model, at::kDouble, 1e-7);
}

at::Tensor loss_of(ImageModel& model) {
  const at::Tensor images = formula_uniform("images", {4, 3, 64, 64}).to(at::kDouble);
  const at::Tensor labels = formula_uniform("labels", {4}, 0, 10).to(at::kLong);
  return at::cross_entropy_loss(model.forward(images).logits, labels);
}

// In float64, because these networks amplify float32's rounding to several per cent when they are
// filled by formula.
class ConvnetTraining : public ConvnetParity {};

TEST_P(ConvnetTraining, GradientsAndThreeOptimiserSteps) {
  const ModelPtr model = formula_model(GetParam());
  model->to(at::kDouble);
  model->train();
  torch::optim::AdamW optimiser(model->parameters(),
                                torch::optim::AdamWOptions(1e-3).weight_decay(0.01));

  at::Tensor loss = loss_of(*model);
  EXPECT_NEAR(loss.item<double>(), fixture_["train"]["loss"].get<double>(), 1e-6);
  loss.backward();
  for (const auto& item : model->named_parameters())
    expect_digest(fixture_["train"]["gradients"][item.key()], item.key(), item.value().grad(), 1e-6,
                  1e-6);

  if (!fixture_.contains("steps")) return;
  const auto& steps = fixture_["steps"];
  for (int step = 1; step <= 3; ++step) {
    optimiser.step();
    optimiser.zero_grad();
    if (step == 3) expect_changes(*model, steps["changes"]);
    loss = loss_of(*model);
    EXPECT_NEAR(loss.item<double>(), steps["losses"][step].get<double>(), 1e-6)
        << "after step " << step;
    if (step < 3) loss.backward();
  }
}

// Dropout and stochastic depth draw what torchvision draws.
TEST(ConvnetChance, OneSeedGivesTheSameChoices) {
  const ModelPtr model = make_model({"efficientnet_b0", 10});
  fill(*model);
  model->to(at::kDouble);
  model->train();
  torch::manual_seed(7);
  EXPECT_NEAR(loss_of(*model).item<double>(),
              convnet_fixture("efficientnet_b0")["drawn"].get<double>(), 1e-6);
}

const std::vector<std::string> kTrained{
    "resnet18",           "resnet34",           "resnet50",           "resnet101",
    "mobilenet_v2",       "mobilenet_v2_0.5",   "mobilenet_v2_1.4",   "mobilenet_v3_small",
    "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "efficientnet_b0",
    "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3",
    "efficientnet_lite4"};
const std::vector<std::string> kOutputsOnly{"mobilenet_v2_0.35", "mobilenet_v2_0.75",
                                            "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"};

std::string test_name(const ::testing::TestParamInfo<std::string>& arch) {
  std::string name = arch.param;
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Archs, ConvnetParity, ::testing::ValuesIn(kTrained), test_name);
INSTANTIATE_TEST_SUITE_P(ArchsOfTrainedFamilies, ConvnetParity, ::testing::ValuesIn(kOutputsOnly),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Archs, ConvnetTraining, ::testing::ValuesIn(kTrained), test_name);

}  // namespace
}  // namespace retort::models
