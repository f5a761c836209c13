#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include "retort/core/error.h"
#include "retort/models/families/vit.h"
#include "retort/models/precision.h"
#include "tests/models/vit_common.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

StateDict without(StateDict file, const std::string& name) {
  if (file.erase(name) == 0) throw std::out_of_range(name);
  return file;
}

StateDict with(StateDict file, const std::string& name, const at::Tensor& tensor) {
  file[name] = tensor;
  return file;
}

TEST(VitNames, EveryMissingTensorIsNamed) {
  const auto is_read = [](const std::string& name) {
    return std::ranges::none_of(
        std::array{"pooler", "mask_token", "text_", "visual_projection", "logit_"},
        [&](const char* part) { return mentions(name, part); });
  };
  // Without this tensor, the file is of a kind that has none.
  const std::map<std::string, std::vector<std::string>> optional{
      {"dinov2_registers_model_4", {"embeddings.register_tokens"}},
      {"dinov3_5", {"embeddings.register_tokens"}},
      {"dinov3_gated_4", {"embeddings.register_tokens"}},
      {"timm_dinov3", {"reg_token"}},
      {"timm_dinov3_plus", {"reg_token"}}};
  for (const char* fixture :
       {"torchvision", "deit_tiny", "vit_classifier_4", "vit_model_5", "dinov2_classifier_4",
        "dinov2_model_5", "dinov2_registers_model_4", "dinov2_swiglu_4", "dinov2_swiglu_5",
        "dinov3_5", "dinov3_gated_4", "clip_model", "siglip_model", "timm_vit", "timm_dinov2",
        "timm_clip", "timm_siglip", "timm_dinov3", "timm_dinov3_plus"}) {
    const nlohmann::json json = vit_fixture(fixture);
    const StateDict file = file_of(json);
    for (const auto& item : file) {
      const std::string& name = item.first;
      if (!is_read(name)) continue;
      const auto may_lack = optional.find(fixture);
      if (may_lack != optional.end() &&
          std::ranges::find(may_lack->second, name) != may_lack->second.end())
        continue;
      const std::string error = error_of([&] { recognised(without(file, name), hints_of(json)); });
      EXPECT_TRUE(mentions(error, "'" + name + "'")) << fixture << ": " << name << ": " << error;
    }
  }
}

TEST(VitNames, EveryTensorOfAnotherShapeOrTypeIsNamed) {
  for (const char* fixture :
       {"torchvision", "deit_tiny", "vit_classifier_4", "dinov2_classifier_5"}) {
    const StateDict file = formula_file(fixture);
    for (const auto& item : file) {
      const std::string& name = item.first;
      const at::Tensor& tensor = item.second;
      if (mentions(name, "mask_token")) continue;
      const auto refused = [&](const at::Tensor& other) {
        return !error_of([&] { recognise_vit(with(file, name, other), {}); }).empty();
      };
      EXPECT_TRUE(refused(at::zeros({3, 5}))) << fixture << ": " << name;
      EXPECT_TRUE(refused(at::zeros(std::vector<int64_t>(static_cast<size_t>(tensor.dim()), 0))))
          << fixture << ": " << name;
      EXPECT_TRUE(
          mentions(error_of([&] { recognise_vit(with(file, name, tensor.to(at::kInt)), {}); }),
                   "'" + name + "'"))
          << name;
    }
  }
}

TEST(VitNames, UnknownTensorsAreNamed) {
  const at::Tensor extra = at::zeros({1, 4, 128});
  EXPECT_TRUE(mentions(
      error_of([&] {
        recognise_vit(with(formula_file("dinov2_model_4"), "embeddings.prompt_tokens", extra), {});
      }),
      "'embeddings.prompt_tokens'"));
  EXPECT_TRUE(mentions(
      error_of([&] {
        recognise_vit(with(formula_file("torchvision"), "heads.pre_logits.weight", extra), {});
      }),
      "'heads.pre_logits.weight'"));
}

TEST(VitNames, TimmsNamesAreKeptForDeitAlone) {
  const StateDict deit = formula_file("deit_tiny");
  EXPECT_TRUE(recognised(deit, {.arch = "vit"}).state.contains("conv_proj.weight"));
  const std::string error = error_of([&] { recognised(deit, {.arch = "deit_small"}); });
  EXPECT_TRUE(mentions(error, "dim 192") && mentions(error, "deit_small has") &&
              mentions(error, "dim 384"))
      << error;
  EXPECT_TRUE(mentions(error_of([&] { recognised(deit, {.arch = "vit_s_16"}); }), "vit_s_16"));
  EXPECT_TRUE(
      mentions(error_of([] { recognised(formula_file("torchvision"), {.arch = "deit_tiny"}); }),
               "timm's names"));
  const at::Tensor token = at::zeros({1, 1, 192});
  EXPECT_TRUE(
      mentions(error_of([&] { recognised(with(deit, "dist_token", token)); }), "'pos_embed'"));
}

TEST(VitNames, WidthsWhoseHeadsAreUnknownAreRefused) {
  const StateDict file{{"class_token", at::zeros({1, 1, 96})},
                       {"encoder.pos_embedding", at::zeros({1, 5, 96})},
                       {"conv_proj.weight", at::zeros({96, 3, 8, 8})}};
  EXPECT_TRUE(mentions(error_of([&] { recognise_vit(file, {}); }), "96"));
}

TEST(VitNames, PositionsMustBeASquare) {
  const StateDict file =
      with(formula_file("torchvision"), "encoder.pos_embedding", at::zeros({1, 1 + 15, 128}));
  EXPECT_TRUE(mentions(error_of([&] { recognise_vit(file, {}); }), "'encoder.pos_embedding'"));
}

TEST(VitNames, FilesOfOthersAreLeftToThem) {
  EXPECT_FALSE(recognise_vit({}, {}));
  EXPECT_FALSE(recognise_vit({{"conv1.weight", at::zeros({64, 3, 7, 7})}}, {}));
  EXPECT_FALSE(recognise_vit({{"embeddings.position_embeddings.weight", at::zeros({512, 768})},
                              {"embeddings.word_embeddings.weight", at::zeros({100, 768})},
                              {"encoder.layer.0.output.dense.weight", at::zeros({768, 3072})}},
                             {.arch = "vit"}));
}

TEST(VitNames, ANamedArchitectureMustHaveTheDimensions) {
  const std::string error =
      error_of([] { recognised(formula_file("torchvision"), {.arch = "vit_b_16"}); });
  EXPECT_TRUE(mentions(error, "patch 8, dim 128") && mentions(error, "vit_b_16")) << error;
  EXPECT_EQ(recognised(formula_file("torchvision"), {.arch = "vit"}).spec.arch, "vit");
}

TEST(VitNames, AHeadIsOptional) {
  StateDict file =
      without(without(formula_file("torchvision"), "heads.head.weight"), "heads.head.bias");
  const Recognised found = recognised(file);
  EXPECT_FALSE(found.has_head);
  EXPECT_FALSE(found.state.contains("heads.head.weight"));
  EXPECT_EQ(build(found, "")->head()->weight.size(0), 1);
  EXPECT_EQ(recognised(formula_file("torchvision")).spec.classes, 5);
}

TEST(VitNames, HalfPrecisionFilesAreRead) {
  StateDict file = formula_file("vit_model_4");
  for (auto& [name, tensor] : file) tensor = tensor.to(at::kHalf);
  const ModelPtr half = build(recognised(file), "");
  EXPECT_EQ(half->parameters().front().scalar_type(), at::kFloat);
  const at::NoGradGuard no_grad;
  const at::Tensor images = formula_images(48, 48);
  EXPECT_LT(relative_difference(half->forward_features(images),
                                model_of("vit_model_4")->forward_features(images)),
            1e-2);
}

TEST(VitNames, WhatIsWrittenIsReadBack) {
  for (const char* fixture : {"torchvision", "dinov2_classifier_4"}) {
    const Recognised first = recognised(formula_file(fixture));
    const Recognised again = recognised(state_of(*build(first, "")));
    EXPECT_EQ(to_json(again.spec), to_json(first.spec));
    EXPECT_EQ(again.naming, "torchvision");
  }
  // For later networks the file's metadata says what shapes do not show.
  for (const char* fixture :
       {"dinov2_registers_model_5", "dinov3_gated_5", "clip_model", "siglip_tower",
        "siglip_classifier", "timm_dinov2_swiglu", "timm_siglip_gap", "timm_average"}) {
    const nlohmann::json json = vit_fixture(fixture);
    const Recognised first = recognised(file_of(json), hints_of(json));
    const Hints own{.arch = first.spec.arch,
                    .library = "retort",
                    .name = first.spec.arch,
                    .config = first.spec.options};
    const Recognised again = recognised(state_of(*build(first, "")), own);
    EXPECT_EQ(to_json(again.spec), to_json(first.spec)) << fixture;
  }
  const Recognised deit = recognised(formula_file("deit_tiny"));
  const Recognised again = recognised(state_of(*build(deit, "")));
  EXPECT_EQ(to_json(again.spec), to_json(deit.spec));
  EXPECT_EQ(again.naming, "timm");
}

TEST(VitNames, ADescriptionSaysWhatTensorsDoNot) {
  const nlohmann::json clip = vit_fixture("clip_model");
  const StateDict file = file_of(clip);
  Hints hints = hints_of(clip);
  EXPECT_EQ(vit_geometry(recognised(file, hints).spec).heads, 2);
  EXPECT_EQ(vit_geometry(recognised(file).spec).heads, 1);  // of 64 channels
  EXPECT_EQ(vit_geometry(recognised(file).spec).activation, VitActivation::quick_gelu);
  hints.config["vision_config"]["hidden_act"] = "gelu_pytorch_tanh";
  hints.config["vision_config"]["layer_norm_eps"] = 1e-3;
  const VitGeometry told = vit_geometry(recognised(file, hints).spec);
  EXPECT_EQ(told.activation, VitActivation::gelu_tanh);
  EXPECT_EQ(told.layer_norm_eps, 1e-3);
  hints.config["vision_config"]["hidden_act"] = "relu";
  EXPECT_TRUE(mentions(error_of([&] { recognised(file, hints); }), "hidden_act"));
}

TEST(VitNames, ADescriptionThatLiesIsHarmless) {
  const nlohmann::json clip = vit_fixture("clip_model");
  const StateDict file = file_of(clip);
  for (const nlohmann::json& heads :
       std::vector<nlohmann::json>{3, 0, -1, 1e300, "many", nullptr, uint64_t{1} << 63}) {
    Hints hints = hints_of(clip);
    hints.config["vision_config"]["num_attention_heads"] = heads;
    const std::string error =
        error_of([&] { build(recognised(file, hints), "")->forward(formula_images(32, 32)); });
    EXPECT_TRUE(error.empty() || mentions(error, "heads")) << heads << ": " << error;
  }
  for (const nlohmann::json& config : std::vector<nlohmann::json>{
           nullptr, 7, {{"vision_config", 7}}, {{"vision_config", nullptr}}}) {
    Hints hints = hints_of(clip);
    hints.config = config.is_object() ? config : nlohmann::json::object();
    EXPECT_EQ(error_of([&] { recognised(file, hints); }), "") << config;
    hints = {.arch = "", .library = "retort", .name = "vit", .config = {{"heads", 5}}};
    EXPECT_TRUE(mentions(error_of([&] { recognised(file, hints); }), "heads"));
  }
}

TEST(VitNames, FeaturesAreTheUsersChoice) {
  const at::NoGradGuard no_grad;
  const auto features = [](const char* fixture, const std::string& choice) {
    const nlohmann::json json = vit_fixture(fixture);
    Hints hints = hints_of(json);
    hints.features = choice;
    const Recognised found = recognised(file_of(json), hints);
    return std::pair(found.has_head, build(found, "")->forward_features(formula_images(56, 56)));
  };
  const auto [whole_head, whole] = features("dinov2_registers_classifier_4", "");
  EXPECT_TRUE(whole_head);
  EXPECT_TRUE(features("dinov2_registers_classifier_4", "cls+mean").first);
  const auto [cls_head, cls] = features("dinov2_registers_classifier_4", "cls");
  EXPECT_FALSE(cls_head);  // the file's classifier reads more than that
  EXPECT_TRUE(at::equal(cls, whole.slice(1, 0, 64)));
  EXPECT_TRUE(
      at::equal(features("dinov2_registers_classifier_4", "mean").second, whole.slice(1, 64)));
  const at::Tensor mean = features("siglip_model", "mean").second;
  EXPECT_EQ(mean.sizes(), features("siglip_model", "attention").second.sizes());
  EXPECT_FALSE(at::equal(mean, features("siglip_model", "").second));
  EXPECT_TRUE(mentions(error_of([&] { features("siglip_model", "cls"); }), "no class token"));
  EXPECT_TRUE(
      mentions(error_of([&] { features("clip_model", "attention"); }), "no attention pool"));
  EXPECT_TRUE(mentions(error_of([&] { features("clip_model", "best"); }), "'best'"));
}

TEST(VitInput, IsThatOfTheSource) {
  const data::InputSpec imagenet = make_model({"vit_s_16", 5})->input_spec();
  EXPECT_EQ(imagenet, data::InputSpec{});

  const data::InputSpec vit = model_of("vit_model_4")->input_spec();
  EXPECT_EQ(vit,
            (data::InputSpec{
                48, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, data::Interpolation::bilinear, 1.0}));

  const data::InputSpec deit = make_model({"deit_tiny", 5})->input_spec();
  EXPECT_EQ(deit,
            (data::InputSpec{224, imagenet.mean, imagenet.std, data::Interpolation::bicubic, 0.9}));
  EXPECT_EQ(data::resize_side(deit), 248);
  const data::InputSpec small = make_model({"deit_tiny", 5, {{"image_size", 64}}})->input_spec();
  EXPECT_EQ(small.size, 64);
  EXPECT_EQ(data::to_json(model_of("deit_tiny")->input_spec()), data::to_json(small));

  data::InputSpec dinov2 = model_of("dinov2_model_4")->input_spec();
  EXPECT_EQ(dinov2.size, 56);
  EXPECT_EQ(dinov2.interpolation, data::Interpolation::bicubic);
  EXPECT_EQ(dinov2.mean, imagenet.mean);
  EXPECT_EQ(data::resize_side(dinov2), 64);
}

TEST(VitInput, Dinov2WorksAt224WhateverItsNativeSize) {
  const StateDict file = with(formula_file("dinov2_model_4"), "embeddings.position_embeddings",
                              at::zeros({1, 1 + 37 * 37, 128}));
  const VitGeometry geometry = vit_geometry(recognised(file).spec);
  EXPECT_EQ(geometry.image_size, 518);
  EXPECT_EQ(geometry.input.size, 224);
  EXPECT_EQ(data::resize_side(geometry.input), 256);
}

TEST(VitInput, SizesThatPatchesDoNotFillAreNamed) {
  const ModelPtr model = model_of("dinov2_model_4");
  const std::string error = error_of([&] { model->forward(at::zeros({1, 3, 64, 56})); });
  EXPECT_TRUE(mentions(error, "64 × 56") && mentions(error, "multiples of 14") &&
              mentions(error, "56 or 70"))
      << error;
  EXPECT_FALSE(error_of([&] { model->forward(at::zeros({1, 3, 7, 7})); }).empty());
  EXPECT_EQ(error_of([&] { model->forward(at::zeros({1, 3, 14, 28})); }), "");
}

TEST(VitInput, ResizedPositionsLearn) {
  const ModelPtr model = model_of("torchvision");
  model->train();
  model->forward(formula_images(48, 48)).logits.square().sum().backward();
  const at::Tensor gradient = model->named_parameters()["encoder.pos_embedding"].grad();
  ASSERT_TRUE(gradient.defined());
  EXPECT_GT(gradient.abs().amin(2).min().item<double>(), 0);  // every position's
}

TEST(VitInput, TheWayOfResizingMatters) {
  Recognised found = recognised(formula_file("torchvision"));
  const at::NoGradGuard no_grad;
  const at::Tensor images = formula_images(48, 48);
  const at::Tensor expected = build(found, "")->forward_features(images);
  found.spec.options["pos_resize"] = "half_pixel";
  EXPECT_GT(relative_difference(build(found, "")->forward_features(images), expected), 1e-3);
}

TEST(VitModel, SurvivesItsDescription) {
  const Recognised found = recognised(formula_file("dinov2_classifier_5"));
  Recognised again = found;
  again.spec = model_spec_from(nlohmann::json::parse(to_json(found.spec).dump()));
  const ModelPtr first = build(found, ""), second = build(again, "");
  const at::NoGradGuard no_grad;
  const at::Tensor images = formula_images(42, 42);
  EXPECT_TRUE(at::equal(first->forward(images).logits, second->forward(images).logits));
  EXPECT_EQ(first->input_spec(), second->input_spec());
}

TEST(VitModel, ResetHead) {
  const ModelPtr model = model_of("dinov2_classifier_4");
  const StateDict before = state_of(*model);
  model->to(at::kDouble);
  model->reset_head(9);
  EXPECT_EQ(model->spec().classes, 9);
  EXPECT_EQ(model->head()->weight.sizes(), (std::vector<int64_t>{9, 256}));
  EXPECT_EQ(model->head()->weight.scalar_type(), at::kDouble);
  EXPECT_EQ(model->head()->weight.abs().sum().item<double>(), 0);
  EXPECT_EQ(state_of(*model).size(), before.size());
  EXPECT_TRUE(at::equal(state_of(*model).at("heads.head.weight"), model->head()->weight));
  EXPECT_USAGE_ERROR(model->reset_head(0), "a model needs 1 to 100000 classes, not 0");
}

TEST(VitModel, AFreshModelIsMadeForItsImages) {
  for (const char* arch : {"deit_tiny", "vit"}) {
    const ModelSpec spec = for_image_size({arch, 5}, 96);
    EXPECT_EQ(vit_geometry(spec).grid(), 6) << arch;
    EXPECT_EQ(vit_geometry(spec).input.size, 96) << arch;
  }
  EXPECT_EQ(for_image_size({"resnet18", 5}, 96).options, nlohmann::json::object());
}

TEST(VitModel, ADeitHasTheHeadThatTimmDraws) {
  const ModelPtr model = make_model({"deit_tiny", 5, {{"image_size", 64}}});
  model->reset_head(40);
  EXPECT_NEAR(model->head()->weight.std().item<double>(), 0.02, 1e-3);
  EXPECT_EQ(model->head()->bias.abs().max().item<double>(), 0);
  EXPECT_TRUE(at::equal(state_of(*model).at("head.weight"), model->head()->weight));
  EXPECT_EQ(state_of(*model).at("pos_embed").sizes(), (std::vector<int64_t>{1, 17, 192}));
}

TEST(VitModel, EveryArchitectureIsKnown) {
  for (const char* arch : {"deit_tiny", "deit_small", "vit", "vit_s_16", "vit_b_16", "vit_b_32",
                           "vit_l_16", "vit_l_32", "vit_h_14"}) {
    const VitGeometry geometry = vit_geometry({arch, 10});
    EXPECT_EQ(geometry.image_size, 224) << arch;
    const ModelSpec again = vit_spec(geometry, 10, arch);
    EXPECT_EQ(again.arch, arch);
    EXPECT_EQ(again.options.empty(), std::string(arch) != "vit");
  }
  EXPECT_EQ(vit_geometry({"vit_h_14", 10}).dim / vit_geometry({"vit_h_14", 10}).heads, 80);
}

TEST(VitModel, OptionsAreChecked) {
  const auto refused = [](const std::string& arch, const nlohmann::json& options) {
    try {
      vit_geometry({arch, 10, options});
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  for (const auto& options :
       std::vector<nlohmann::json>{{{"patch", 0}},
                                   {{"patch", 129}},
                                   {{"dim", 100}},  // not a multiple of 6 heads
                                   {{"depth", 1.5}},
                                   {{"depth", "12"}},
                                   {{"heads", uint64_t{1} << 63}},
                                   {{"mlp_dim", -1}},
                                   {{"image_size", 100}},
                                   {{"layer_norm_eps", 0}},
                                   {{"layer_norm_eps", "small"}},
                                   {{"layer_scale", 1}},
                                   {{"registers", 65}},
                                   {{"rope_theta", -1}},
                                   {{"dim", 36}, {"rope_theta", 100}},
                                   {{"class_token", false}},  // but features of the class token
                                   {{"activation", "relu"}},
                                   {{"features", "map"}},
                                   {{"pos_resize", "nearest"}},
                                   {{"features", 2}},
                                   {{"preprocess", "imagenet"}},
                                   {{"widht", 64}}})
    EXPECT_TRUE(refused("vit", options)) << options;
  EXPECT_TRUE(refused("vit_b_16", {{"depth", 12}}));
  EXPECT_TRUE(refused("resnet18", nlohmann::json::object()));
  EXPECT_EQ(vit_geometry({"vit_b_16", 10, {{"image_size", 64}}}).input.size, 64);
  EXPECT_EQ(vit_geometry({"vit", 10, {{"dim", 96}, {"heads", 3}, {"patch", 8}, {"depth", 2}}}).dim,
            96);
}

TEST(VitModel, Bf16AutocastIsClose) {
  const ModelPtr model = model_of("dinov2_classifier_4");
  const at::NoGradGuard no_grad;
  const at::Tensor images = formula_images(42, 42);
  const at::Tensor expected = model->forward_features(images);
  const AutocastGuard autocast(Precision::bf16);
  const at::Tensor actual = model->forward_features(images);
  EXPECT_LT(relative_difference(actual.to(at::kFloat), expected), 0.05);
}

// The tracer keeps sizes as numbers; the batch's size must not be among them.
TEST(VitModel, ATraceRunsAtAnotherBatchSize) {
  namespace jit = torch::jit;
  const at::NoGradGuard no_grad;
  for (const char* fixture : {"torchvision", "dinov2_classifier_4", "dinov2_registers_classifier_4",
                              "dinov3_5", "siglip_model"}) {
    const ModelPtr model = model_of(fixture);
    for (const at::Tensor& parameter : model->parameters()) parameter.requires_grad_(false);
    for (const int64_t size : {int64_t{112}, vit_geometry(model->spec()).image_size}) {
      const auto forward = [&](const jit::Stack& stack) {
        return jit::Stack{model->forward_features(stack.at(0).toTensor())};
      };
      const auto unnamed = [](const at::Tensor&) { return std::string(); };
      const auto traced = jit::tracer::trace({formula_images(size, size)}, forward, unnamed);
      const at::Tensor images = testing::formula_uniform("other images", {5, 3, size, size});
      jit::Stack stack{images};
      jit::InterpreterState(jit::Code(traced.first->graph, "forward")).run(stack);
      EXPECT_LT(relative_difference(stack.at(0).toTensor(), model->forward_features(images)), 1e-5)
          << fixture << " at " << size;
    }
  }
}

}  // namespace
}  // namespace retort::models
