#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "retort/core/safetensors.h"
#include "retort/deploy/onnx_export.h"
#include "retort/deploy/trace.h"
#include "retort/models/registry.h"
#include "tests/deploy/lambda_model.h"
#include "tests/deploy/operators_model.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"

namespace retort::deploy {
namespace {

constexpr int kNoRuntime = 77, kNoPython = 127;  // exit codes of check_onnx.py and of the shell

// Runs the model with ONNX Runtime through scripts/check_onnx.py: five images, one by one and all
// at once.
void expect_same_in_onnx_runtime(models::ImageModel& model, int64_t size) {
  const testing::TestFolder folder;
  model.eval();
  const at::NoGradGuard no_grad;
  const at::Tensor images = testing::formula_uniform("images", {5, 3, size, size}, -2, 2);
  write_safetensors(folder / "expected.safetensors",
                    {{"images", images}, {"logits", model.forward(images).logits}});
  write_onnx(folder / "model.onnx", model, class_names(model.spec().classes), {.size = size});
  const std::string command = "'" RETORT_ORT_PYTHON "' '" RETORT_CHECK_ONNX "' '" +
                              (folder / "model.onnx").string() + "' '" +
                              (folder / "expected.safetensors").string() + "' 2>&1";
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == kNoRuntime || code == kNoPython)
    GTEST_SKIP() << "no Python with onnxruntime and numpy at " RETORT_ORT_PYTHON;
  EXPECT_EQ(code, 0);
}

class OperatorsInOnnxRuntime : public ::testing::TestWithParam<std::string> {};

TEST_P(OperatorsInOnnxRuntime, GiveTheSameLogits) {
  expect_same_in_onnx_runtime(*operators_model(GetParam()), 32);
}

INSTANTIATE_TEST_SUITE_P(Groups, OperatorsInOnnxRuntime, ::testing::ValuesIn(operator_groups()),
                         [](const auto& test) { return test.param; });

struct FamilyCase {
  const char* name;
  models::ModelSpec spec;
  int64_t size;

  friend void PrintTo(const FamilyCase& family, std::ostream* out) { *out << family.name; }
};

class FamiliesInOnnxRuntime : public ::testing::TestWithParam<FamilyCase> {};

TEST_P(FamiliesInOnnxRuntime, GiveTheSameLogits) {
  const auto model = models::make_model(GetParam().spec);
  StateDict state = models::state_of(*model);
  testing::formula_fill(state);
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : state) {
    // Otherwise the logits of a ResNet-50 reach thousands and those of a MobileNetV3-Large or
    // MobileNetV4 hundreds, where fp32 itself is not exact to 1e-3.
    if (name.starts_with("layer") && name.ends_with("bn3.weight")) tensor.mul_(0.2);
    if (GetParam().spec.arch == "mobilenet_v3_large" && name == "classifier.3.weight")
      tensor.mul_(0.2);
    if (GetParam().spec.arch == "mobilenetv4_conv_small" && name == "classifier.weight")
      tensor.mul_(0.05);
  }
  expect_same_in_onnx_runtime(*model, GetParam().size);
}

nlohmann::json small_vit(const char* pos_resize, const char* features, bool layer_scale) {
  return {{"patch", 8},
          {"dim", 32},
          {"depth", 2},
          {"heads", 4},
          {"mlp_dim", 64},
          {"image_size", 48},
          {"pos_resize", pos_resize},
          {"features", features},
          {"layer_scale", layer_scale}};
}

nlohmann::json small_convnext(bool v2) {
  return {{"v2", v2}, {"depths", {1, 1, 2, 1}}, {"dims", {8, 16, 24, 32}}};
}

nlohmann::json small_regnet() {
  return {{"squeeze", true},
          {"depths", {1, 2, 1, 1}},
          {"widths", {8, 16, 24, 32}},
          {"group_widths", {4, 4, 8, 8}}};
}

// TensorFlow's padding and all kinds of blocks.
nlohmann::json small_efficientnetv2() {
  return {{"stem", 8},
          {"features", 64},
          {"depths", {2, 1, 1}},
          {"channels", {8, 16, 24}},
          {"kernels", {3, 3, 5}},
          {"kinds", {0, 1, 2}},
          {"expansions", {1, 4, 6}},
          {"same", true},
          {"eps", 1e-3}};
}

INSTANTIATE_TEST_SUITE_P(
    Families, FamiliesInOnnxRuntime,
    ::testing::Values(
        FamilyCase{"resnet18", {"resnet18", 10, {}}, 64},
        FamilyCase{"resnet50", {"resnet50", 10, {}}, 64},
        FamilyCase{"mobilenet_v2", {"mobilenet_v2", 10, {}}, 64},
        FamilyCase{"mobilenet_v2_0_5", {"mobilenet_v2_0.5", 10, {}}, 64},
        FamilyCase{"mobilenet_v3_small", {"mobilenet_v3_small", 10, {}}, 64},
        FamilyCase{"mobilenet_v3_large", {"mobilenet_v3_large", 10, {}}, 64},
        FamilyCase{"shufflenet_v2_x0_5", {"shufflenet_v2_x0_5", 10, {}}, 64},
        FamilyCase{"efficientnet_b0", {"efficientnet_b0", 10, {}}, 64},
        FamilyCase{"efficientnet_lite0", {"efficientnet_lite0", 10, {}}, 64},
        FamilyCase{"efficientnet_lite0_odd", {"efficientnet_lite0", 10, {}}, 75},
        FamilyCase{"convnext", {"convnext", 10, small_convnext(false)}, 64},
        FamilyCase{"convnextv2", {"convnext", 10, small_convnext(true)}, 75},
        FamilyCase{"regnet", {"regnet", 10, small_regnet()}, 64},
        FamilyCase{"efficientnetv2", {"efficientnet", 10, small_efficientnetv2()}, 75},
        FamilyCase{"mobilenetv4_conv_small", {"mobilenetv4_conv_small", 10, {}}, 64},
        FamilyCase{"deit_tiny", {"deit_tiny", 10, {{"image_size", 64}}}, 64},
        FamilyCase{"deit_tiny_resized", {"deit_tiny", 10, {}}, 64},
        FamilyCase{"vit", {"vit", 10, small_vit("align_corners", "cls", false)}, 64},
        FamilyCase{"dinov2", {"vit", 10, small_vit("half_pixel", "cls+mean", true)}, 40}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace retort::deploy
