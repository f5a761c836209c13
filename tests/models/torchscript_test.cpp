#include "retort/models/programs/torchscript.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "retort/core/error.h"
#include "retort/models/registry.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/script_network.h"

namespace retort::models {
namespace {

class TorchScript : public ::testing::Test {
 protected:
  ModelPtr load(const std::string& methods, const std::string& features = "features") {
    const std::string file = (folder_ / "own.pt").string();
    testing::small_network(methods).save(file);
    return make_model(for_image_size(student_spec(file, 4, features), 32));
  }
  testing::TestFolder folder_;
  const at::Tensor images_ = testing::formula_uniform("images", {2, 3, 32, 32});
};

// The network's computation, written out.
at::Tensor expected_features(ImageModel& model, const at::Tensor& images) {
  const StateDict state = state_of(model);
  at::Tensor y = at::conv2d(images, state.at("conv.weight"), {}, {2, 2}, {1, 1});
  y = at::batch_norm(y, state.at("bn.weight"), state.at("bn.bias"), state.at("bn.running_mean"),
                     state.at("bn.running_var"), false, 0.1, 1e-5, true);
  return y.relu().mean({2, 3});
}

TEST_F(TorchScript, FeaturesAreTheMethodsAveragedOverPlaces) {
  const ModelPtr model = load(testing::kForwardFeatures);
  model->eval();
  EXPECT_EQ(model->feature_dim(), 6);
  const Output output = model->forward(images_);
  EXPECT_TRUE(at::allclose(output.features, expected_features(*model, images_), 0, 1e-6));
  EXPECT_EQ(output.logits.sizes(), (std::vector<int64_t>{2, 4}));
}

TEST_F(TorchScript, OrANamedOutput) {
  const char* const methods = R"(
def forward(self, x):
    y = self.body(x)
    return {"logits": torch.linear(y.mean([2, 3]), self.classifier), "embedding": y}
)";
  const ModelPtr model = load(methods, "embedding");
  model->eval();
  EXPECT_TRUE(
      at::allclose(model->forward_features(images_), expected_features(*model, images_), 0, 1e-6));
  EXPECT_TRUE(testing::says(testing::error_of([&] { (void)load(methods, "nothing"); }),
                            "called 'nothing'"));
}

TEST_F(TorchScript, TrainsWhatTheFeaturesDependOn) {
  const ModelPtr model = load(testing::kForwardFeatures);
  EXPECT_EQ(model->parameters().size(),
            5U);  // conv, two of bn, two of the head; not the network's own classifier
  model->train();
  const at::Tensor mean = state_of(*model).at("bn.running_mean").clone();
  model->forward(images_).logits.square().sum().backward();
  for (const auto& item : model->named_parameters())
    EXPECT_TRUE(item.value().grad().defined()) << item.key();
  EXPECT_FALSE(at::equal(mean, state_of(*model).at("bn.running_mean")));
  const at::Tensor settled = state_of(*model).at("bn.running_mean").clone();
  model->eval();
  (void)model->forward(images_);
  EXPECT_TRUE(at::equal(settled, state_of(*model).at("bn.running_mean")));
}

TEST_F(TorchScript, SavesItsPresentWeights) {
  const ModelPtr model = load(testing::kForwardFeatures);
  use_channels_last(*model);
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : model->parameters()) parameter.add_(0.25);
  }
  model->eval();
  dynamic_cast<ScriptNetwork&>(*model).save_network(folder_ / "again.pt");
  const ModelPtr again =
      make_model(for_image_size(student_spec((folder_ / "again.pt").string(), 4, "features"), 32));
  again->eval();
  EXPECT_TRUE(at::equal(model->forward_features(images_), again->forward_features(images_)));
}

TEST_F(TorchScript, ANewHead) {
  const ModelPtr model = load(testing::kForwardFeatures);
  model->reset_head(9);
  EXPECT_EQ(model->spec().classes, 9);
  EXPECT_EQ(model->forward(images_).logits.size(1), 9);
}

TEST_F(TorchScript, SaysWhatIsWrong) {
  const auto complaint = [&](const std::string& methods) {
    return testing::error_of([&] { (void)load(methods); });
  };
  EXPECT_TRUE(testing::says(complaint("\ndef forward(self, x):\n    return self.body(x)\n"),
                            "own.pt: has no features"));
  EXPECT_TRUE(
      testing::says(complaint("\ndef forward_features(self, x):\n    return x.mean([2, 3])\n"),
                    "no trainable parameter"));
  EXPECT_TRUE(
      testing::says(complaint("\ndef forward_features(self, x):\n    return self.body(x).mean()\n"),
                    "0 dimensions"));
  EXPECT_TRUE(
      testing::says(complaint("\ndef forward_features(self, x):\n    return 3\n"), "not a tensor"));
  EXPECT_TRUE(testing::says(
      complaint(
          "\ndef forward_features(self, x):\n    return self.body(x.reshape([2, 3, 7, 7]))\n"),
      "fails on images of 32 px"));
  EXPECT_TRUE(testing::says(complaint("\ndef forward_features(self, x):\n    assert x.size(2) == "
                                      "48\n    return self.body(x)\n"),
                            "fails on images"));
  const std::string broken = (folder_ / "broken.pt").string();
  std::ofstream(broken) << "PK\x03\x04 not really";
  EXPECT_TRUE(testing::says(
      testing::error_of([&] { (void)make_model(student_spec(broken, 4, "features")); }),
      "is not TorchScript"));
  EXPECT_USAGE_ERROR(make_model({"torchscript", 4}), "a network of TorchScript needs its file");
  EXPECT_ERROR(make_model({"torchscript", 4, {{"file", 3}}}), "has a broken option 'file'");
}

TEST_F(TorchScript, TeachesToo) {
  const std::string file = (folder_ / "teacher.pt").string();
  const auto saved = [&](const char* methods) {
    testing::small_network(methods).save(file);
    return recognise_file(file);
  };
  const Recognised found = saved(testing::kForwardFeatures);
  EXPECT_EQ(found.naming, "TorchScript");
  EXPECT_FALSE(found.has_head);
  const ModelPtr model = build(found, file);
  EXPECT_TRUE(
      at::allclose(model->forward_features(images_), expected_features(*model, images_), 0, 1e-6));
  // A tensor that forward returns is the features; for a teacher nothing need be trainable.
  EXPECT_EQ(build(saved("\ndef forward(self, x):\n    return self.body(x)\n"), file)->feature_dim(),
            6);
  EXPECT_EQ(build(saved("\ndef forward(self, x):\n    return x\n"), file)->feature_dim(), 3);
  const Recognised named = recognise_file(
      (saved("\ndef forward(self, x):\n    return {'maps': self.body(x)}\n"), file), "", "maps");
  EXPECT_EQ(build(named, file)->feature_dim(), 6);

  // A file of tensors alone is read as weights, whatever its name; and a .pth never runs code.
  write_safetensors(folder_ / "weights.pt", state_of(*make_model({"shufflenet_v2_x0_5", 3})));
  EXPECT_EQ(recognise_file(folder_ / "weights.pt").spec.arch, "shufflenet_v2_x0_5");
  std::filesystem::copy_file(file, folder_ / "teacher.pth");
  EXPECT_TRUE(testing::says(testing::error_of([&] { recognise_file(folder_ / "teacher.pth"); }),
                            "TorchScript program"));
}

// A program without methods that has these tensors in modules of these names.
torch::jit::Module program_of(const StateDict& tensors,
                              const std::shared_ptr<torch::jit::CompilationUnit>& unit) {
  torch::jit::Module module(c10::QualifiedName("__torch__.Part"), unit, /*shouldMangle=*/true);
  std::map<std::string, StateDict> children;
  for (const auto& [name, tensor] : tensors) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) {
      module.register_parameter(name, tensor, /*is_buffer=*/false);
    } else {
      children[name.substr(0, dot)][name.substr(dot + 1)] = tensor;
    }
  }
  for (const auto& [name, part] : children) module.register_module(name, program_of(part, unit));
  return module;
}

// Its forward also takes a text, and is never run.
TEST_F(TorchScript, OpenAisClipIsReadAsItsTensors) {
  StateDict state{{"visual.class_embedding", at::zeros({64})},
                  {"visual.positional_embedding", at::zeros({5, 64})},
                  {"visual.conv1.weight", testing::formula_parameter("conv1", {64, 3, 16, 16})},
                  {"visual.proj", at::zeros({64, 16})},
                  {"transformer.resblocks.0.ln_1.weight", at::zeros({8})},
                  {"logit_scale", at::zeros({})}};
  const std::string block = "visual.transformer.resblocks.0.";
  for (const auto& [module, shape] :
       std::map<std::string, std::vector<int64_t>>{{"visual.ln_pre.", {64}},
                                                   {"visual.ln_post.", {64}},
                                                   {block + "ln_1.", {64}},
                                                   {block + "ln_2.", {64}},
                                                   {block + "attn.in_proj_", {192, 64}},
                                                   {block + "attn.out_proj.", {64, 64}},
                                                   {block + "mlp.c_fc.", {128, 64}},
                                                   {block + "mlp.c_proj.", {64, 128}}}) {
    state[module + "weight"] = at::ones(shape);
    state[module + "bias"] = at::zeros({shape[0]});
  }
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kHalf);
  for (const char* name : {"clip.pt", "clip.pth"}) {
    program_of(state, std::make_shared<torch::jit::CompilationUnit>())
        .save((folder_ / name).string());
    const Recognised found = recognise_file(folder_ / name);
    EXPECT_EQ(found.spec.arch, "vit");
    EXPECT_EQ(found.spec.options.at("activation"), "quick_gelu");
    EXPECT_TRUE(at::equal(found.state.at("conv_proj.weight"), state.at("visual.conv1.weight")));
    EXPECT_EQ(build(found, name)->feature_dim(), 64);
  }
}

TEST(TorchScriptNames, AreFilesByTheirEndings) {
  EXPECT_TRUE(names_script("my.pt"));
  EXPECT_TRUE(names_script("nets/my.ts"));
  EXPECT_FALSE(names_script("mobilenet_v2_0.35"));
  EXPECT_EQ(student_spec("resnet18", 3, "features").options, nlohmann::json::object());
}

}  // namespace
}  // namespace retort::models
