#include <gtest/gtest.h>
#include <torch/utils.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/precision.h"
#include "tests/models/convnets_common.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

const std::vector<std::string> kArchs{
    "resnet18",           "resnet34",           "resnet50",           "resnet101",
    "mobilenet_v2",       "mobilenet_v2_0.35",  "mobilenet_v2_0.5",   "mobilenet_v2_0.75",
    "mobilenet_v2_1.4",   "mobilenet_v3_small", "mobilenet_v3_large", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "efficientnet_b0",
    "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3",
    "efficientnet_lite4"};

StateDict state_named(const std::string& arch, int64_t classes = 5) {
  return state_of(*formula_model(arch, classes));
}

std::optional<Recognised> recognise(const StateDict& state, const std::string& arch = "") {
  std::optional<Recognised> found;
  for (const Family& family : families()) {
    if (!arch.empty() && std::ranges::find(family.archs, arch) == family.archs.end()) continue;
    if (family.recognise && (found = family.recognise(state, {.arch = arch}))) break;
  }
  return found;
}

// The message of the Error that reading the file gives.
std::string complaint(const StateDict& state, const std::string& arch = "") {
  try {
    recognise(state, arch);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

void erase_prefix(StateDict& state, const std::string& prefix) {
  std::erase_if(state, [&](const auto& item) { return item.first.starts_with(prefix); });
}

// The same tensors under EfficientNet-PyTorch's names; its modules come in timm's order.
StateDict lukemelas_state(const std::string& arch) {
  const nlohmann::json fixture = convnet_fixture(arch);
  std::map<std::string, std::string> theirs;
  for (size_t i = 0; i < fixture["layers"].size(); ++i)
    theirs[fixture["layers"][i][0].get<std::string>()] =
        fixture["lukemelas"].at(i).get<std::string>();
  StateDict renamed;
  for (const auto& [name, tensor] : state_named(arch, 10)) {
    const size_t dot = name.rfind('.');
    renamed[theirs.at(name.substr(0, dot)) + name.substr(dot)] = tensor;
  }
  return renamed;
}

TEST(Convnets, AFileTellsItsArchitectureAndClasses) {
  for (const std::string& arch : kArchs) {
    const StateDict state = state_named(arch);
    for (const std::string& named : {std::string(), arch}) {
      const auto found = recognise(state, named);
      ASSERT_TRUE(found) << arch;
      EXPECT_EQ(found->spec.arch, arch);
      EXPECT_EQ(found->spec.classes, 5);
      EXPECT_TRUE(found->has_head);
      EXPECT_EQ(found->naming, arch.starts_with("efficientnet_lite") ? "timm" : "torchvision");
      EXPECT_EQ(found->state.size(), state.size());
    }
  }
}

TEST(Convnets, AFileWithoutAClassifierIsABackbone) {
  for (const auto& [arch, head] : {std::pair{"resnet34", "fc."},
                                   {"mobilenet_v2_0.5", "classifier."},
                                   {"mobilenet_v3_small", "classifier.3."},
                                   {"shufflenet_v2_x0_5", "fc."},
                                   {"efficientnet_b0", "classifier."},
                                   {"efficientnet_lite1", "classifier."}}) {
    StateDict state = state_named(arch);
    erase_prefix(state, head);
    const auto found = recognise(state);
    ASSERT_TRUE(found) << arch;
    EXPECT_EQ(found->spec.arch, arch);
    EXPECT_FALSE(found->has_head);
  }
}

TEST(Convnets, LukemelasFilesGiveTimmsOutputs) {
  const at::NoGradGuard no_grad;
  for (const char* arch : {"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}) {
    const auto found = recognise(lukemelas_state(arch));
    ASSERT_TRUE(found) << arch;
    EXPECT_EQ(found->naming, "lukemelas");
    EXPECT_EQ(found->spec.arch, arch);
    const ModelPtr model = make_model(found->spec);
    load_state(*model, found->state, "");
    model->eval();
    const at::Tensor logits =
        model->forward(testing::formula_uniform("images", {2, 3, 64, 64})).logits;
    const auto expected = convnet_fixture(arch)["eval"]["logits"][0].get<std::vector<float>>();
    EXPECT_TRUE(at::allclose(logits[0], at::tensor(expected), 1e-4, 1e-4)) << arch;
    EXPECT_FLOAT_EQ(model->input_spec().mean[0], 127.0F / 255);
    EXPECT_FLOAT_EQ(model->input_spec().std[2], 128.0F / 255);
  }
}

TEST(Convnets, InputsAreThoseOfTheWeights) {
  const auto input = [](const std::string& arch,
                        const nlohmann::json& options = nlohmann::json::object()) {
    return make_model({arch, 2, options})->input_spec();
  };
  EXPECT_EQ(input("resnet18"), data::InputSpec{});
  EXPECT_EQ(input("mobilenet_v2"), data::InputSpec{});
  EXPECT_EQ(input("mobilenet_v3_small"), data::InputSpec{});
  EXPECT_EQ(input("shufflenet_v2_x1_0"), data::InputSpec{});
  for (const char* arch : {"mobilenet_v3_large", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"}) {
    EXPECT_EQ(data::resize_side(input(arch)), 232) << arch;
    EXPECT_EQ(input(arch).interpolation, data::Interpolation::bilinear) << arch;
  }
  EXPECT_EQ(data::resize_side(input("efficientnet_b0")), 256);
  EXPECT_EQ(input("efficientnet_b0").interpolation, data::Interpolation::bicubic);
  const data::InputSpec lite2 = input("efficientnet_lite2");
  EXPECT_EQ(lite2.size, 260);
  EXPECT_EQ(lite2.mean, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(lite2.std, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(lite2.interpolation, data::Interpolation::bicubic);
  EXPECT_EQ(data::resize_side(lite2), 292);
  EXPECT_EQ(input("efficientnet_lite4", {{"input", "lukemelas"}}).size, 300);
  EXPECT_USAGE_ERROR(input("efficientnet_lite0", {{"input", "imagenet"}}),
                     "input is \"timm\" or \"lukemelas\", not \"imagenet\"");
}

TEST(Convnets, ADamagedFileIsAnErrorThatNamesTheTensor) {
  struct Case {
    const char *arch, *tensor;
  };
  for (const auto& [arch, tensor] : {Case{"resnet50", "layer3.4.bn2.bias"},
                                     {"mobilenet_v2", "features.7.conv.2.weight"},
                                     {"mobilenet_v2_1.4", "features.2.conv.0.0.weight"},
                                     {"mobilenet_v3_large", "features.16.1.weight"},
                                     {"mobilenet_v3_small", "classifier.0.weight"},
                                     {"shufflenet_v2_x1_5", "stage3.0.branch1.2.weight"},
                                     {"efficientnet_b0", "features.3.1.block.2.fc1.weight"},
                                     {"efficientnet_lite3", "blocks.5.2.bn3.running_var"}}) {
    const StateDict whole = state_named(arch);
    const at::Tensor original = whole.at(tensor);

    StateDict state = whole;
    state.erase(tensor);
    EXPECT_NE(complaint(state).find(std::string("'") + tensor + "' of " + arch + " is missing"),
              std::string::npos)
        << complaint(state);

    state = whole;
    state[tensor] = at::zeros({3, 1});
    EXPECT_NE(complaint(state).find(std::string("'") + tensor + "' is [3, 1], not "),
              std::string::npos)
        << complaint(state);

    state = whole;
    state[tensor] = original.to(at::kInt);
    EXPECT_NE(complaint(state).find(std::string("'") + tensor + "' is of type int"),
              std::string::npos)
        << complaint(state);

    state = whole;
    state["surplus.weight"] = at::zeros({1});
    EXPECT_NE(complaint(state).find("'surplus.weight' has no place in " + std::string(arch)),
              std::string::npos)
        << complaint(state);
  }
}

TEST(Convnets, AMissingBlockIsMissedInTheNearestArchitecture) {
  StateDict state = state_named("resnet101");
  erase_prefix(state, "layer3.20.");
  EXPECT_NE(complaint(state).find("'layer3.20.conv1.weight' is missing"), std::string::npos)
      << complaint(state);
  StateDict large = state_named("mobilenet_v3_large");
  erase_prefix(large, "features.15.");
  EXPECT_NE(
      complaint(large).find("'features.15.block.0.0.weight' of mobilenet_v3_large is missing"),
      std::string::npos)
      << complaint(large);
  StateDict lite = lukemelas_state("efficientnet_lite2");
  erase_prefix(lite, "_blocks.20.");
  EXPECT_NE(complaint(lite).find("'_blocks.20._bn0.bias' of efficientnet_lite2 is missing"),
            std::string::npos)
      << complaint(lite);
}

TEST(Convnets, HalfAClassifierOrOneOutOfRangeIsAnError) {
  StateDict state = state_named("resnet18");
  state.erase("fc.bias");
  EXPECT_NE(complaint(state).find("'fc.bias' of resnet18 is missing"), std::string::npos);
  state = state_named("resnet18");
  state["fc.weight"] = at::zeros({0, 512});
  EXPECT_NE(complaint(state).find("'fc.weight' is [0, 512]"), std::string::npos);
  state["fc.weight"] = at::zeros({});
  EXPECT_NE(complaint(state).find("'fc.weight'"), std::string::npos);
}

TEST(Convnets, ANamedArchitectureIsTakenAtItsWord) {
  EXPECT_NE(complaint(state_named("resnet18"), "resnet34")
                .find("'layer1.2.bn1.bias' of resnet34 is missing"),
            std::string::npos);
  EXPECT_NE(complaint(state_named("resnet18"), "mobilenet_v2").find("of mobilenet_v2 is missing"),
            std::string::npos);
}

TEST(Convnets, OtherNetworksAreNotTakenForThese) {
  EXPECT_FALSE(recognise({{"encoder.weight", at::zeros({2, 2})}}));
  StateDict squeezed = state_named("efficientnet_lite0");
  squeezed["blocks.0.0.se.conv_reduce.weight"] = at::zeros({8, 32, 1, 1});
  EXPECT_NE(complaint(squeezed).find("of efficientnet_b0 is missing"), std::string::npos)
      << complaint(squeezed);
}

TEST(Convnets, FilesWithoutBatchCountsLoad) {
  StateDict state = state_named("resnet18");
  std::erase_if(state,
                [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
  const auto found = recognise(state);
  ASSERT_TRUE(found);
  const ModelPtr model = make_model(found->spec);
  EXPECT_NO_THROW(load_state(*model, found->state, ""));
}

TEST(Convnets, RecognisingDrawsNothing) {
  const StateDict state = state_named("efficientnet_lite0");
  torch::manual_seed(3);
  const at::Tensor expected = at::rand({4});
  torch::manual_seed(3);
  recognise(state);
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
}

TEST(Convnets, ANewHeadKeepsNameTypeAndMode) {
  for (const char* arch : {"resnet18", "mobilenet_v2_0.5", "mobilenet_v3_small",
                           "shufflenet_v2_x0_5", "efficientnet_b0", "efficientnet_lite0"}) {
    const ModelPtr model = formula_model(arch);
    model->to(at::kDouble);
    model->eval();
    model->reset_head(3);
    EXPECT_EQ(model->spec().classes, 3);
    EXPECT_FALSE(model->head()->is_training());
    EXPECT_EQ(model->forward(testing::formula_uniform("images", {1, 3, 32, 32}).to(at::kDouble))
                  .logits.sizes(),
              (std::vector<int64_t>{1, 3}));
    StateDict state = state_of(*model);
    const StateDict fresh = state_of(*make_model(model->spec()));
    ASSERT_EQ(state.size(), fresh.size());
    for (const auto& [name, tensor] : fresh)
      EXPECT_EQ(state.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_USAGE_ERROR(model->reset_head(0), "a model needs 1 to 100000 classes, not 0");
  }
}

TEST(Convnets, HeadsAreDrawnAsTheFamilyDrawsThem) {
  torch::manual_seed(0);
  const at::Tensor mobilenet = make_model({"mobilenet_v2", 10})->head()->weight;
  EXPECT_NEAR(mobilenet.std().item<double>(), 0.01, 5e-4);
  const ModelPtr v3 = make_model({"mobilenet_v3_small", 10});
  v3->reset_head(4);
  EXPECT_NEAR(v3->head()->weight.std().item<double>(), 0.01, 5e-4);
  EXPECT_EQ(v3->head()->bias.abs().max().item<double>(), 0);
  for (const char* arch : {"efficientnet_lite0", "efficientnet_b0"}) {
    const ModelPtr net = make_model({arch, 10});
    net->reset_head(4);
    EXPECT_NEAR(net->head()->weight.abs().max().item<double>(), 0.5, 0.01);
    EXPECT_EQ(net->head()->bias.abs().max().item<double>(), 0);
  }
}

TEST(Convnets, ResidualBranchesCanBeginSilent) {
  const std::map<std::string, int64_t> branches{
      {"resnet18", 8},           {"resnet50", 16},         {"mobilenet_v2", 10},
      {"mobilenet_v3_small", 6}, {"efficientnet_b0", 9},   {"efficientnet_v2_s", 35},
      {"efficientnet_lite0", 9}, {"regnet_x_400mf", 22},   {"mobilenetv4_conv_small", 10},
      {"convnext_atto", 0},      {"shufflenet_v2_x0_5", 0}};
  for (const auto& [arch, count] : branches) {
    const ModelPtr model = make_model({arch, 5});
    zero_init_residual(*model);
    int64_t silent = 0;
    for (const auto& item : model->named_parameters())
      if (item.key().ends_with("weight") && item.value().dim() == 1 &&
          !item.value().any().item<bool>())
        ++silent;
    EXPECT_EQ(silent, count) << arch;
  }
}

TEST(Convnets, FoldedNormsChangeNothingButRounding) {
  const at::Tensor images = testing::formula_uniform("images", {4, 3, 64, 64});
  for (const char* arch : {"efficientnet_b0", "efficientnet_lite0", "mobilenet_v2",
                           "mobilenet_v3_small", "resnet50", "shufflenet_v2_x1_0"}) {
    const ModelPtr model = formula_model(arch);
    model->eval();
    const at::Tensor plain = model->forward_features(images).detach();
    const at::NoGradGuard no_grad;
    const at::Tensor folded = model->forward_features(images);
    const double off = ((folded - plain).abs().max() / plain.abs().max()).item<double>();
    EXPECT_LT(off, 1e-4) << arch;
    EXPECT_GT(off, 0) << arch;
  }
}

TEST(Convnets, DropoutActsInTrainingAlone) {
  const ModelPtr model = make_model({"mobilenet_v2", 2});
  {
    const at::NoGradGuard no_grad;
    model->head()->weight.fill_(1);
  }
  const at::Tensor ones = at::ones({64, 1280});
  model->eval();
  EXPECT_TRUE(at::allclose(model->classify(ones), at::full({64, 2}, 1280.0)));
  model->train();
  const at::Tensor logits = model->classify(ones);
  EXPECT_NEAR(
      logits.mean().item<double>(), 1280,
      20);  // kept with probability 0.8, scaled by 1 / 0.8: a standard deviation of 18 a row
  EXPECT_GT(logits.std().item<double>(), 5);
}

TEST(Convnets, StochasticDepthActsInTrainingAlone) {
  const at::NoGradGuard no_grad;
  const ModelPtr model =
      make_model({"efficientnet_b0", 2, {{"dropout", 0}, {"stochastic_depth", 0.9}}});
  fill(*model);
  const at::Tensor images = testing::formula_uniform("images", {2, 3, 32, 32});
  const auto features = [&] { return model->forward_features(images); };
  model->eval();
  EXPECT_TRUE(at::equal(features(), features()));
  model->train();
  torch::manual_seed(1);
  const at::Tensor first = features();
  EXPECT_FALSE(at::allclose(features(), first));
  torch::manual_seed(1);
  EXPECT_TRUE(at::equal(features(), first));
}

TEST(Convnets, DroppedBranchesKeepTheMean) {
  torch::manual_seed(5);
  const at::Tensor dropped = drop_branches(at::ones({1000, 2, 3, 3}), 0.25);
  const at::Tensor rows = dropped.flatten(1);
  EXPECT_TRUE(at::equal(rows.amin(1), rows.amax(1)));  // an image's branch is dropped as a whole
  EXPECT_NEAR(dropped.amax().item<double>(), 1 / 0.75, 1e-6);
  EXPECT_EQ(dropped.amin().item<double>(), 0);
  EXPECT_NEAR(dropped.mean().item<double>(), 1, 0.1);  // 0.018 is one standard deviation
}

TEST(Convnets, OptionsAndClassesAreChecked) {
  EXPECT_USAGE_ERROR(make_model({"resnet18", 2, {{"dropout", 1}}}),
                     "dropout is a number in [0, 1), not 1");
  EXPECT_USAGE_ERROR(make_model({"resnet18", 2, {{"dropout", "much"}}}),
                     "dropout is a number in [0, 1), not \"much\"");
  EXPECT_USAGE_ERROR(make_model({"efficientnet_b0", 2, {{"stochastic_depth", 1}}}),
                     "stochastic_depth");
  EXPECT_USAGE_ERROR(make_model({"efficientnet_b0", 2, {{"stochastic_depth", "0.2"}}}),
                     "stochastic_depth");
  EXPECT_USAGE_ERROR(make_model({"mobilenet_v2", 0}), "a model needs 1 to 100000 classes, not 0");
  EXPECT_USAGE_ERROR(make_model({"efficientnet_lite0", 100001}),
                     "a model needs 1 to 100000 classes, not 100001");
}

TEST(Convnets, TrainInBfloat16) {
  for (const char* arch : {"resnet18", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5",
                           "efficientnet_b0", "efficientnet_lite0"}) {
    const ModelPtr model = formula_model(arch);
    model->train();
    const at::Tensor images = testing::formula_uniform("images", {8, 3, 32, 32});
    const double full = model->forward(images).logits.norm().item<double>();
    at::Tensor logits;
    {
      const AutocastGuard autocast(Precision::bf16);
      logits = model->forward(images).logits;
    }
    EXPECT_EQ(logits.scalar_type(), at::kBFloat16);
    EXPECT_NEAR(logits.to(at::kFloat).norm().item<double>(), full, 0.2 * full) << arch;
    logits.to(at::kFloat).sum().backward();
    for (const auto& item : model->named_parameters())
      EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << arch << ' ' << item.key();
  }
}

}  // namespace
}  // namespace retort::models
