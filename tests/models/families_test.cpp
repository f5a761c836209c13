// Families whose sizes are read from the shapes: small networks in each public naming, compared
// with torchvision, timm and transformers.
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "retort/core/error.h"
#include "retort/models/weight_source.h"
#include "tests/models/convnets_common.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

using testing::formula_parameter;
using testing::formula_uniform;
using testing::mentions;

// tests/fixtures/families/<name>.json, as scripts/fixtures/families.py describes it.
nlohmann::json family_fixture(const std::string& name) {
  std::ifstream file(std::string(RETORT_FIXTURES) + "/families/" + name + ".json");
  return nlohmann::json::parse(file);
}

std::optional<Recognised> recognised_by_any(const StateDict& file, const std::string& arch = "") {
  for (const Family& family : families()) {
    if (!family.recognise ||
        (!arch.empty() && std::ranges::find(family.archs, arch) == family.archs.end()))
      continue;
    if (auto found = family.recognise(file, {.arch = arch})) return found;
  }
  return std::nullopt;
}

// The message of the Error that reading the file gives, or of no family recognising it.
std::string complaint_of(const StateDict& file) {
  try {
    return recognised_by_any(file) ? "none" : "not recognised";
  } catch (const UsageError& error) {
    return std::string("the user's fault: ") + error.what();
  } catch (const Error& error) {
    return error.what();
  }
}

// The largest difference, as a share of the largest value.
double difference(const at::Tensor& actual, const nlohmann::json& rows) {
  double worst = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const at::Tensor wanted = at::tensor(rows[i].get<std::vector<double>>(), at::kDouble);
    const at::Tensor row = actual[static_cast<int64_t>(i)].to(at::kDouble);
    if (row.sizes() != wanted.sizes()) return INFINITY;
    worst = std::max(worst, ((row - wanted).abs().max() / wanted.abs().max()).item<double>());
  }
  return worst;
}

class FamilyParity : public ::testing::TestWithParam<std::string> {
 protected:
  StateDict file() const {
    StateDict state;
    for (const auto& tensor : fixture_["tensors"]) {
      const auto name = tensor[0].get<std::string>();
      const auto shape = tensor[1].get<std::vector<int64_t>>();
      state[name] = name.ends_with("relative_position_index") ? at::zeros(shape, at::kLong)
                                                              : formula_parameter(name, shape);
    }
    return state;
  }

  at::Tensor images(const nlohmann::json& size, int64_t batch = 2) const {
    return formula_uniform("images", {batch, 3, size[0].get<int64_t>(), size[1].get<int64_t>()});
  }

  nlohmann::json fixture_ = family_fixture(GetParam());
};

TEST_P(FamilyParity, AFileGivesThePublicOutputs) {
  const at::NoGradGuard no_grad;
  const auto found = recognised_by_any(file());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->spec.arch, fixture_["arch"].get<std::string>()) << found->spec.options;
  EXPECT_EQ(found->naming, fixture_["naming"].get<std::string>());
  EXPECT_EQ(found->has_head, fixture_["outputs"][0].contains("logits"));
  const ModelPtr model = build(*found, GetParam());
  double worst = 0;
  for (const auto& expected : fixture_["outputs"]) {
    const Output output = model->forward(images(expected["size"]));
    if (expected.contains("features"))
      worst = std::max(worst, difference(output.features, expected["features"]));
    if (found->has_head) worst = std::max(worst, difference(output.logits, expected["logits"]));
  }
  RecordProperty("difference", std::to_string(worst * 1e6) + "e-6");
  EXPECT_LT(worst, 1e-4);

  // A network that is read, written and read again is the same.
  const ModelPtr again = make_model(model_spec_from(to_json(model->spec())));
  load_state(*again, state_of(*model), "");
  EXPECT_EQ(again->input_spec(), model->input_spec());
  const auto reread = recognised_by_any(state_of(*model), model->spec().arch);
  ASSERT_TRUE(reread);
  EXPECT_EQ(reread->state.size(), state_of(*model).size());
}

class FamilyDamage : public FamilyParity {};

TEST_P(FamilyDamage, IsAnErrorThatNamesTheTensor) {
  const StateDict whole = file();
  int cases = 0, named = 0, unknown = 0;
  const auto expect_complaint = [&](const StateDict& state, const std::string& name) {
    const std::string complaint = complaint_of(state);
    ++cases;
    named += mentions(complaint, "'" + name + "'") ? 1 : 0;
    unknown += complaint == "not recognised" ? 1 : 0;
    EXPECT_TRUE(complaint.starts_with("tensor '") || complaint == "not recognised")
        << name << ": " << complaint;
  };
  const size_t step = std::max<size_t>(whole.size() / 30, 1);  // not every tensor of large files
  size_t number = 0;
  for (const auto& [name, tensor] : whole) {
    if (number++ % step != 0 || name.ends_with("num_batches_tracked") ||
        name.ends_with("relative_position_index"))
      continue;
    StateDict state = whole;
    state.erase(name);
    expect_complaint(state, name);
    state[name] = at::zeros({3, 1, 2});
    expect_complaint(state, name);
    state[name] = at::zeros(tensor.sizes(), at::kInt);
    EXPECT_TRUE(mentions(complaint_of(state), "'" + name + "' is of type int"))
        << complaint_of(state);
  }
  EXPECT_LE(unknown, 6);
  EXPECT_GE(named,
            cases * 9 / 10);  // where sizes come from a tensor, the message may name another one
                              // that does not fit
  StateDict more = whole;
  more["surplus.weight"] = at::zeros({1});
  EXPECT_TRUE(mentions(complaint_of(more), "'surplus.weight' has no place in "))
      << complaint_of(more);
}

class FamilyTraining : public FamilyParity {};

TEST_P(FamilyTraining, InitialWeightsAndGradients) {
  Recognised found = *recognised_by_any(file());
  found.spec.options["stochastic_depth"] = 0;
  found.spec.options["dropout"] = 0;
  torch::manual_seed(7);
  const ModelPtr model = make_model(found.spec);
  for (const auto& item : model->named_parameters()) {
    const double tolerance = 1e-4 * item.value().norm().item<double>() + 1e-9;
    EXPECT_NEAR(probe(item.key(), item.value()), fixture_["init"][item.key()].get<double>(),
                tolerance)
        << item.key();
  }
  load_state(*model, found.state, "");
  model->to(at::kDouble);
  model->train();
  const auto size = fixture_["trained"].get<int64_t>();
  const at::Tensor labels = formula_uniform("labels", {4}, 0, 5).to(at::kLong);
  const at::Tensor loss = at::cross_entropy_loss(
      model->forward(images({size, size}, 4).to(at::kDouble)).logits, labels);
  EXPECT_NEAR(loss.item<double>(), fixture_["loss"].get<double>(), 1e-6);
  loss.backward();
  for (const auto& item : model->named_parameters())
    expect_digest(fixture_["gradients"][item.key()], item.key(), item.value().grad(), 1e-6, 1e-6);
}

const std::vector<std::string> kWide{
    "resnext_torchvision"};  // damage is tested on narrow networks with the same names instead
const std::vector<std::string> kNarrow{"resnext_timm",
                                       "resnet_timm",
                                       "resnet_transformers",
                                       "resnet_transformers_basic",
                                       "resnet_transformers_headless",
                                       "convnext_timm",
                                       "convnext_timm_convolutions",
                                       "convnextv2_timm",
                                       "convnext_torchvision",
                                       "convnext_transformers",
                                       "convnextv2_transformers",
                                       "convnextv2_transformers_headless",
                                       "convnext_dinov3",
                                       "convnext_dinov3_5",
                                       "regnet_torchvision_x",
                                       "regnet_torchvision_y",
                                       "regnet_timm_x",
                                       "regnet_timm_y",
                                       "regnet_transformers_x",
                                       "regnet_transformers_y",
                                       "regnet_transformers_headless",
                                       "efficientnet_torchvision",
                                       "efficientnetv2_torchvision",
                                       "efficientnet_timm",
                                       "efficientnetv2_tf",
                                       "efficientnetv2_rw",
                                       "swin_timm",
                                       "swin_timm_old",
                                       "swin_torchvision",
                                       "swin_transformers",
                                       "swin_transformers_5",
                                       "swin_transformers_headless",
                                       "mobilenetv4_timm"};
const std::vector<std::string> kTrainedFamilies{"resnext_timm",
                                                "convnext_timm",
                                                "convnextv2_timm",
                                                "regnet_torchvision_x",
                                                "regnet_torchvision_y",
                                                "efficientnet_torchvision",
                                                "efficientnetv2_torchvision",
                                                "swin_timm",
                                                "mobilenetv4_timm"};

std::string name_of(const ::testing::TestParamInfo<std::string>& test) { return test.param; }

INSTANTIATE_TEST_SUITE_P(Wide, FamilyParity, ::testing::ValuesIn(kWide), name_of);
INSTANTIATE_TEST_SUITE_P(Files, FamilyParity, ::testing::ValuesIn(kNarrow), name_of);
INSTANTIATE_TEST_SUITE_P(Files, FamilyDamage, ::testing::ValuesIn(kNarrow), name_of);
INSTANTIATE_TEST_SUITE_P(Files, FamilyTraining, ::testing::ValuesIn(kTrainedFamilies), name_of);

uint64_t fnv1a64(const std::string& text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3ULL;
  return hash;
}

// Names and shapes of public configurations, and the networks that their files are recognised as.
TEST(FamilyPublic, ConfigurationsHaveThePublicNamesAndShapes) {
  const nlohmann::json published = family_fixture("public");
  for (const auto& [arch, summary] : published.items()) {
    const ModelPtr model = make_model({arch});
    int64_t parameters = 0;
    for (const at::Tensor& parameter : model->parameters()) parameters += parameter.numel();
    EXPECT_EQ(parameters, summary[0].get<int64_t>()) << arch;
    std::ostringstream lines;
    const StateDict state = state_of(*model);
    for (const auto& [name, tensor] : state) lines << name << ' ' << tensor.sizes() << '\n';
    std::ostringstream hash;
    hash << std::hex << std::setfill('0') << std::setw(16) << fnv1a64(lines.str());
    EXPECT_EQ(hash.str(), summary[1].get<std::string>()) << arch;
    const auto found = recognised_by_any(state);
    ASSERT_TRUE(found) << arch;
    EXPECT_EQ(found->spec.arch, arch);
  }
}

TEST(FamilyInputs, AreThoseOfThePublicWeights) {
  const auto input = [](const std::string& arch) { return make_model({arch, 2})->input_spec(); };
  EXPECT_EQ(data::resize_side(input("resnext50_32x4d")), 232);
  EXPECT_EQ(data::resize_side(input("regnet_y_400mf")), 232);
  EXPECT_EQ(input("convnext_atto").interpolation, data::Interpolation::bicubic);
  EXPECT_EQ(data::resize_side(input("convnext_atto")), 256);
  EXPECT_EQ(data::resize_side(input("swin_t")), 232);
  EXPECT_EQ(data::resize_side(input("efficientnet_b1")), 255);
  EXPECT_EQ(input("efficientnet_b1").size, 240);
  EXPECT_EQ(data::resize_side(input("tf_efficientnet_b1")), 272);
  EXPECT_EQ(input("tf_efficientnetv2_b0").size, 192);
  EXPECT_EQ(input("tf_efficientnetv2_b3").mean, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(input("mobilenetv4_conv_medium").size, 256);
  data::InputSpec own;
  own.size = 96;
  own.crop_ratio = 0.75;
  EXPECT_EQ(make_model({"regnet_y_400mf", 2, {{"preprocess", data::to_json(own)}}})->input_spec(),
            own);
}

// Names and shapes are the same; padding and eps are the architecture's.
TEST(FamilyInputs, TheUserSaysWhoseWeightsAnEfficientNetsAre) {
  const at::NoGradGuard no_grad;
  const ModelPtr torch_own = formula_model("efficientnet_b0"),
                 tensorflow = formula_model("tf_efficientnet_b0");
  torch_own->eval();
  tensorflow->eval();
  const StateDict state = state_of(*torch_own);
  EXPECT_EQ(recognised_by_any(state)->spec.arch, "efficientnet_b0");
  EXPECT_EQ(recognised_by_any(state, "tf_efficientnet_b0")->spec.arch, "tf_efficientnet_b0");
  const at::Tensor images = formula_uniform("images", {1, 3, 64, 64});
  EXPECT_FALSE(
      at::allclose(torch_own->forward(images).logits, tensorflow->forward(images).logits, 1e-2));
}

// pytorch-mobilenet-v2 numbers a block's layers and activations in one sequence.
TEST(FamilyNames, MobileNetV2InARow) {
  const ModelPtr model = make_model({"mobilenet_v2", 3});
  const std::map<std::string, std::string> first{
      {"0.0", "0"}, {"0.1", "1"}, {"1", "3"}, {"2", "4"}};
  const std::map<std::string, std::string> others{{"0.0", "0"}, {"0.1", "1"}, {"1.0", "3"},
                                                  {"1.1", "4"}, {"2", "6"},   {"3", "7"}};
  StateDict file;
  for (const auto& [name, tensor] : state_of(*model)) {
    const size_t conv = name.find(".conv."), last = name.rfind('.');
    const bool one = name.starts_with("features.1.");
    file[conv == std::string::npos
             ? name
             : name.substr(0, conv + 6) +
                   (one ? first : others).at(name.substr(conv + 6, last - conv - 6)) +
                   name.substr(last)] = tensor;
  }
  const std::optional<Recognised> found = recognised_by_any(file);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->spec.arch, "mobilenet_v2");
  EXPECT_EQ(found->naming, "pytorch-mobilenet-v2");
  EXPECT_TRUE(found->has_head);
  for (const auto& [name, tensor] : state_of(*model))
    EXPECT_TRUE(at::equal(found->state.at(name), tensor)) << name;
  file["classifier.weight"] = file.extract("classifier.1.weight").mapped();
  file["classifier.bias"] = file.extract("classifier.1.bias").mapped();
  EXPECT_TRUE(recognised_by_any(file)->has_head);
  file.erase("classifier.weight");
  file.erase("classifier.bias");
  EXPECT_FALSE(recognised_by_any(file)->has_head);
}

// A file that retort wrote says in its metadata what its tensors do not show.
TEST(FamilyInputs, AFileOfRetortsOwnIsTakenAtItsWord) {
  const testing::TestFolder folder;
  data::InputSpec input;
  input.mean = {0.5F, 0.5F, 0.5F};
  const ModelPtr model =
      make_model({"tf_efficientnet_b0", 2, {{"preprocess", data::to_json(input)}}});
  const auto read_as = [&](const std::string& description, const std::string& arch = "") {
    write_safetensors(folder / "own.safetensors", state_of(*model), {{kSpecKey, description}});
    return load_model(folder / "own.safetensors", arch)->spec();
  };
  EXPECT_EQ(to_json(read_as(to_json(model->spec()).dump())), to_json(model->spec()));
  EXPECT_EQ(read_as(to_json(model->spec()).dump(), "efficientnet_b0").arch, "efficientnet_b0");
  for (const char* nonsense :
       {"", "{", "[1]", R"({"arch":"resnet19","classes":2})", R"({"arch":"tf_efficientnet_b0"})"})
    EXPECT_EQ(read_as(nonsense).arch, "efficientnet_b0") << nonsense;
  EXPECT_ERROR(read_as(R"({"arch":"resnet18","classes":2})"), "of resnet18 is missing");
  EXPECT_ERROR(read_as(R"({"arch":"tf_efficientnet_b0","classes":2,"options":{"preprocess":7}})"),
               "own.safetensors: preprocess.crop: is missing");
}

// A student of retort's gets the preprocessing of its training again, as a teacher and when it is
// trained further.
TEST(FamilyInputs, AFileOfRetortsOwnIsShownWhatItWasTrainedOn) {
  const testing::TestFolder folder;
  data::InputSpec before, trained;
  before.mean = {0.5F, 0.5F, 0.5F};
  trained.size = 48;
  trained.crop_ratio = 1;
  const auto input_of = [&](const ModelSpec& spec, const std::string& preprocess) {
    const ModelPtr model = make_model(spec);
    write_safetensors(folder / "own.safetensors", state_of(*model),
                      {{kSpecKey, to_json(spec).dump()}, {kPreprocessKey, preprocess}});
    return load_model(folder / "own.safetensors")->input_spec();
  };
  const ModelSpec vit{
      "vit",
      2,
      {{"patch", 8}, {"dim", 16}, {"depth", 1}, {"heads", 2}, {"mlp_dim", 16}, {"image_size", 32}}};
  for (const ModelSpec& spec :
       {ModelSpec{"resnet18", 2}, ModelSpec{"resnet18", 2, {{"preprocess", data::to_json(before)}}},
        vit})
    EXPECT_EQ(input_of(spec, data::to_json(trained).dump()), trained) << to_json(spec);
  EXPECT_ERROR(input_of({"resnet18", 2}, "{"), "how it wants its images, but not as JSON");
  EXPECT_ERROR(input_of({"resnet18", 2}, "7"), "own.safetensors: preprocess.crop: is missing");
  // In another program's file the key may mean something else.
  write_safetensors(folder / "own.safetensors", state_of(*make_model({"resnet18", 2})),
                    {{kPreprocessKey, "{"}});
  EXPECT_EQ(load_model(folder / "own.safetensors")->input_spec(),
            make_model({"resnet18", 2})->input_spec());
}

TEST(FamilyInputs, SizesThatCannotBeAreTheUsersFault) {
  EXPECT_USAGE_ERROR(make_model({"resnet", 2, {{"depths", {1, 2}}}}), "resnet: depths is ");
  EXPECT_USAGE_ERROR(make_model({"resnet", 2, {{"bottleneck", true}, {"groups", 3}}}),
                     "64 channels do not divide into 3 groups");
  EXPECT_USAGE_ERROR(make_model({"convnext", 2, {{"dims", {0, 1, 1, 1}}}}), "convnext: dims is ");
  EXPECT_USAGE_ERROR(make_model({"regnet", 2, {{"group_widths", {7, 8, 8, 8}}}}),
                     "channels do not divide into groups of 7");
  EXPECT_USAGE_ERROR(make_model({"efficientnet", 2, {{"depths", 3}}}),
                     "depths are of 1 to 7 stages, not 3");
  EXPECT_USAGE_ERROR(make_model({"swin", 2, {{"depths", {1, 1}}, {"heads", {5, 5}}}}),
                     "does not divide into 5 heads");
  EXPECT_USAGE_ERROR(make_model({"mobilenetv4", 2, {{"layers", {{0, 9, 8, 8, 0, 3}}}}}),
                     "layers are of stage, kind, hidden, out, start and kernel");
}

}  // namespace
}  // namespace retort::models
