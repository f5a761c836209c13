// Parity with torchvision's, timm's and transformers' networks on formula-filled weights, in every
// naming that retort reads.
#include <torch/optim/adamw.h>

#include "retort/models/families/vit.h"
#include "tests/models/vit_common.h"
#include "tests/support/digest.h"

namespace retort::models {
namespace {

using testing::expect_digest;
using testing::formula_parameter;
using testing::formula_uniform;
using testing::probe;

at::Tensor stack_rows(const nlohmann::json& rows) {
  std::vector<at::Tensor> tensors;
  for (const auto& row : rows)
    tensors.push_back(at::tensor(row.get<std::vector<double>>()).to(at::kFloat));
  return at::stack(tensors);
}

class VitParity : public ::testing::TestWithParam<std::string> {};

// The native size first, then sizes for which the position embeddings are resized.
TEST_P(VitParity, Outputs) {
  const at::NoGradGuard no_grad;
  const nlohmann::json fixture = vit_fixture(GetParam());
  const Recognised found = recognised(file_of(fixture), hints_of(fixture));
  const ModelPtr model = build(found, GetParam());
  ASSERT_EQ(fixture["outputs"].size(), 3);
  for (const auto& expected : fixture["outputs"]) {
    const Output output = model->forward(formula_images(expected["size"][0], expected["size"][1]));
    const at::Tensor features = stack_rows(expected["features"]);
    ASSERT_EQ(output.features.sizes(), features.sizes());
    EXPECT_LT(relative_difference(output.features, features), 1e-4) << expected["size"];
    ASSERT_EQ(found.has_head, expected.contains("logits"));
    if (!found.has_head) continue;
    const at::Tensor logits = stack_rows(expected["logits"]);
    ASSERT_EQ(output.logits.sizes(), logits.sizes());
    EXPECT_LT(relative_difference(output.logits, logits), 1e-4) << expected["size"];
  }
}

INSTANTIATE_TEST_SUITE_P(
    Namings, VitParity,
    ::testing::Values("torchvision", "torchvision_legacy", "deit_tiny", "deit_small", "vit_model_4",
                      "vit_model_5", "vit_classifier_4", "vit_classifier_5", "dinov2_model_4",
                      "dinov2_model_5", "dinov2_classifier_4", "dinov2_classifier_5",
                      "dinov2_registers_model_4", "dinov2_registers_model_5",
                      "dinov2_registers_classifier_4", "dinov2_registers_classifier_5",
                      "dinov2_swiglu_4", "dinov2_swiglu_5", "dinov3_4", "dinov3_5",
                      "dinov3_gated_4", "dinov3_gated_5", "clip_model", "clip_tower",
                      "siglip_model", "siglip_classifier", "siglip_tower", "timm_vit",
                      "timm_average", "timm_dinov2", "timm_dinov2_registers", "timm_dinov2_swiglu",
                      "timm_clip", "timm_clip_quickgelu", "timm_siglip", "timm_siglip_tanh",
                      "timm_siglip_gap", "timm_dinov3", "timm_dinov3_plus"),
    [](const auto& test) { return test.param; });

struct TrainingCase {
  const char *file, *training;
  int64_t size;

  friend void PrintTo(const TrainingCase& each, std::ostream* out) { *out << each.file; }
};

class VitTraining : public ::testing::TestWithParam<TrainingCase> {
 protected:
  nlohmann::json expected_ = vit_fixture(GetParam().training);
};

TEST_P(VitTraining, OneSeedGivesTheInitialWeights) {
  const ModelSpec spec = recognised(formula_file(GetParam().file)).spec;
  torch::manual_seed(7);
  const ModelPtr model = make_model(spec);
  ASSERT_EQ(model->named_parameters().size(), expected_["init"].size());
  for (const auto& item : model->named_parameters()) {
    const double norm = item.value().detach().norm().item<double>();
    EXPECT_NEAR(probe(item.key(), item.value()), expected_["init"][item.key()].get<double>(),
                1e-5 * norm)
        << item.key();
  }
}

TEST_P(VitTraining, GradientsAndThreeOptimiserSteps) {
  const ModelPtr model = model_of(GetParam().file);
  model->to(at::kDouble);
  model->train();
  const at::Tensor images =
      formula_uniform("images", {4, 3, GetParam().size, GetParam().size}).to(at::kDouble);
  const at::Tensor labels = formula_uniform("labels", {4}, 0, 5).to(at::kLong);
  torch::optim::AdamW optimiser(model->parameters(),
                                torch::optim::AdamWOptions(1e-3).weight_decay(0.01));
  for (size_t step = 0; step < 4; ++step) {
    optimiser.zero_grad();
    const at::Tensor loss = at::cross_entropy_loss(model->forward(images).logits, labels);
    EXPECT_NEAR(loss.item<double>(), expected_["losses"][step].get<double>(), 1e-7)
        << "step " << step;
    if (step == 3) break;
    loss.backward();
    if (step == 0)
      for (const auto& item : model->named_parameters())
        expect_digest(expected_["gradients"][item.key()], item.key(), item.value().grad(), 1e-6,
                      1e-3, /*long_sums=*/false);
    optimiser.step();
  }
  for (const auto& item : model->named_parameters())
    expect_digest(expected_["changes"][item.key()], item.key(),
                  item.value() - formula_parameter(item.key(), item.value().sizes()), 1e-6, 1e-3,
                  /*long_sums=*/false);
}

INSTANTIATE_TEST_SUITE_P(Namings, VitTraining,
                         ::testing::Values(TrainingCase{"torchvision", "training", 32},
                                           TrainingCase{"deit_tiny", "training_deit", 64}),
                         [](const auto& test) { return std::string(test.param.file); });

using Shapes = std::map<std::string, std::vector<int64_t>>;

Shapes shapes_of(const StateDict& state) {
  Shapes shapes;
  for (const auto& [name, tensor] : state) shapes[name] = tensor.sizes().vec();
  return shapes;
}

// The public file's names and shapes, as tensors on the meta device.
Recognised recognise_real(const std::string& model) {
  const nlohmann::json fixture = vit_fixture("real_" + model);
  StateDict file;
  for (const auto& tensor : fixture["tensors"])
    file[tensor[0]] =
        at::empty(tensor[1].get<std::vector<int64_t>>(), at::TensorOptions(at::kMeta));
  return recognised(file);
}

TEST(VitRealFiles, TorchvisionVitB16) {
  const Recognised found = recognise_real("torchvision_vit_b_16");
  EXPECT_EQ(found.spec.arch, "vit_b_16");
  EXPECT_EQ(found.spec.classes, 1000);
  EXPECT_EQ(found.spec.options, nlohmann::json::object());
  EXPECT_EQ(found.naming, "torchvision");
  EXPECT_TRUE(found.has_head);
  EXPECT_EQ(shapes_of(found.state), shapes_of(state_of(*make_model(found.spec))));
}

TEST(VitRealFiles, TimmDeit) {
  for (const char* arch : {"deit_tiny", "deit_small"}) {
    const Recognised found = recognise_real(std::string("timm_") + arch);
    EXPECT_EQ(found.spec.arch, arch);
    EXPECT_EQ(found.spec.classes, 1000);
    EXPECT_EQ(found.spec.options, nlohmann::json::object());
    EXPECT_EQ(found.naming, "timm");
    EXPECT_TRUE(found.has_head);
    EXPECT_EQ(shapes_of(found.state), shapes_of(state_of(*make_model(found.spec))));
  }
}

TEST(VitRealFiles, TransformersVitBase) {
  const Recognised found = recognise_real("transformers_vit_base");
  EXPECT_EQ(found.spec.arch, "vit_b_16");
  EXPECT_EQ(found.spec.classes, 1000);
  EXPECT_EQ(found.spec.options.value("layer_norm_eps", 0.0), 1e-12);
  EXPECT_EQ(found.spec.options.value("pos_resize", ""), "half_pixel");
  EXPECT_EQ(found.naming, "transformers ViT");
  EXPECT_EQ(shapes_of(found.state), shapes_of(recognise_real("torchvision_vit_b_16").state));
}

TEST(VitRealFiles, LaterOnes) {
  struct Expected {
    const char *model, *arch;
    int64_t dim, heads, image_size, feature_dim;
  };
  for (const Expected& expected :
       {Expected{"timm_dinov3_small", "vit_s_16", 384, 6, 224, 384},
        Expected{"timm_siglip_so400m", "vit", 1152, 16, 378, 1152},
        Expected{"timm_dinov2_registers_small", "vit", 384, 6, 518, 768},
        Expected{"transformers_clip_base", "vit_b_32", 768, 12, 224, 768}}) {
    const Recognised found = recognise_real(expected.model);
    EXPECT_EQ(found.spec.arch, expected.arch) << expected.model;
    const VitGeometry geometry = vit_geometry(found.spec);
    EXPECT_EQ(geometry.dim, expected.dim) << expected.model;
    EXPECT_EQ(geometry.heads, expected.heads) << expected.model;
    EXPECT_EQ(geometry.image_size, expected.image_size) << expected.model;
    EXPECT_EQ(geometry.feature_dim(), expected.feature_dim) << expected.model;
    EXPECT_FALSE(found.has_head) << expected.model;
  }
}

TEST(VitRealFiles, TransformersDinov2Small) {
  const Recognised found = recognise_real("transformers_dinov2_small");
  EXPECT_EQ(found.spec.arch, "vit");
  EXPECT_FALSE(found.has_head);
  EXPECT_EQ(found.naming, "transformers DINOv2");
  const ModelPtr model = make_model(found.spec);
  EXPECT_EQ(model->feature_dim(), 2 * 384);
  Shapes shapes = shapes_of(state_of(*model));
  shapes.erase("heads.head.weight");
  shapes.erase("heads.head.bias");
  EXPECT_EQ(shapes_of(found.state), shapes);
}

}  // namespace
}  // namespace retort::models
