#include "retort/models/weight_source.h"

#include "tests/models/convnets_common.h"
#include "tests/support/folder.h"
#include "tests/support/keeping_log.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

using testing::error_of;
using testing::says;

// Folders as timm and transformers save them: config.json, preprocessor_config.json,
// model.safetensors.
class WeightSourceTest : public ::testing::Test {
 protected:
  void put_json(const std::string& name, const nlohmann::json& json) {
    testing::put(folder_ / name, json.dump());
  }

  // Writes the description of timm's tf_efficientnet_b0, whose tensors alone look like those of an
  // efficientnet_b0.
  StateDict put_timm_description() {
    put_json("config.json", {{"architecture", "tf_efficientnet_b0"},
                             {"num_classes", 5},
                             {"pretrained_cfg",
                              {{"input_size", {3, 192, 192}},
                               {"interpolation", "lanczos"},
                               {"crop_pct", 0.75},
                               {"mean", {0.5, 0.5, 0.5}},
                               {"std", {0.25, 0.25, 0.25}}}}});
    return state_of(*formula_model("tf_efficientnet_b0", 5));
  }

  // The tensors of tests/fixtures/families/resnet_transformers.json, and what transformers writes
  // beside them.
  StateDict put_transformers_description(const nlohmann::json& config = nlohmann::json::object()) {
    nlohmann::json all = {{"model_type", "resnet"}, {"hidden_act", "relu"}};
    all.update(config);
    put_json("config.json", all);
    put_json("preprocessor_config.json", {{"do_resize", true},
                                          {"do_normalize", true},
                                          {"image_mean", {0.5, 0.5, 0.5}},
                                          {"image_std", {0.5, 0.5, 0.5}},
                                          {"resample", 2},
                                          {"size", {{"shortest_edge", 96}}},
                                          {"crop_pct", 0.75},
                                          {"image_processor_type", "ConvNextImageProcessor"}});
    std::ifstream file(std::string(RETORT_FIXTURES) + "/families/resnet_transformers.json");
    const nlohmann::json fixture = nlohmann::json::parse(file);
    StateDict state;
    for (const auto& tensor : fixture.at("tensors"))
      state[tensor[0]] =
          testing::formula_parameter(tensor[0], tensor[1].get<std::vector<int64_t>>());
    return state;
  }

  std::string read_error() {
    return error_of([&] { recognise_file(folder_.path()); });
  }

  testing::TestFolder folder_;
};

TEST_F(WeightSourceTest, TimmsDescriptionSaysWhatTensorsDoNot) {
  write_safetensors(folder_ / "model.safetensors", put_timm_description());
  const Recognised found = recognise_file(folder_.path());
  EXPECT_EQ(found.spec.arch, "tf_efficientnet_b0");
  const data::InputSpec input = build(found, "")->input_spec();
  EXPECT_EQ(input.size, 192);
  EXPECT_EQ(data::resize_side(input), 256);
  EXPECT_EQ(input.interpolation, data::Interpolation::bicubic);
  EXPECT_EQ(input.mean, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(recognise_file(folder_ / "model.safetensors").spec.arch, "efficientnet_b0");
  EXPECT_EQ(recognise_file(folder_.path(), "efficientnet_b0").spec.arch, "efficientnet_b0");
}

TEST_F(WeightSourceTest, TransformersDescriptionAndShards) {
  const StateDict whole = put_transformers_description();
  StateDict first, second;
  nlohmann::json map = nlohmann::json::object();
  for (const auto& [name, tensor] : whole) {
    const bool early = first.size() < whole.size() / 2;
    (early ? first : second)[name] = tensor;
    map[name] = early ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  put_json("model.safetensors.index.json", {{"weight_map", map}});
  write_safetensors(folder_ / "model-00001-of-00002.safetensors", first);
  EXPECT_TRUE(says(read_error(), "model-00002-of-00002.safetensors"));
  write_safetensors(folder_ / "model-00002-of-00002.safetensors", second);
  const ModelPtr model = load_model(folder_.path());
  EXPECT_EQ(model->input_spec().size, 96);
  EXPECT_EQ(data::resize_side(model->input_spec()), 128);
  write_safetensors(folder_ / "whole.safetensors", whole);
  const ModelPtr same = load_model(folder_ / "whole.safetensors");
  const at::Tensor images = testing::formula_uniform("images", {1, 3, 64, 64});
  EXPECT_TRUE(at::equal(model->forward(images).logits, same->forward(images).logits));

  second[first.begin()->first] = first.begin()->second;
  write_safetensors(folder_ / "model-00002-of-00002.safetensors", second);
  EXPECT_TRUE(says(read_error(), "as another shard does"));
}

// The description gives two heads of 32 channels, another activation and another input.
TEST_F(WeightSourceTest, AnImageTowerIsBuiltAsItsDescriptionSays) {
  std::ifstream file(std::string(RETORT_FIXTURES) + "/vit/clip_model.json");
  const nlohmann::json fixture = nlohmann::json::parse(file);
  StateDict state;
  for (const auto& tensor : fixture.at("tensors"))
    state[tensor[0]] = testing::formula_parameter(tensor[0], tensor[1].get<std::vector<int64_t>>());
  write_safetensors(folder_ / "model.safetensors", state);
  put_json("config.json", fixture.at("hints").at("config"));
  put_json("preprocessor_config.json", {{"do_resize", true},
                                        {"do_center_crop", true},
                                        {"crop_size", {{"height", 32}, {"width", 32}}},
                                        {"size", {{"shortest_edge", 48}}},
                                        {"do_normalize", true},
                                        {"image_mean", {0.5, 0.5, 0.5}},
                                        {"image_std", {0.25, 0.25, 0.25}},
                                        {"resample", 3},
                                        {"image_processor_type", "CLIPImageProcessor"}});
  const Recognised found = recognise_file(folder_.path());
  EXPECT_EQ(found.spec.options.at("heads"), 2);
  EXPECT_EQ(found.spec.options.at("activation"), "quick_gelu");
  const ModelPtr model = build(found, "");
  EXPECT_EQ(model->input_spec().size, 32);
  EXPECT_EQ(data::resize_side(model->input_spec()), 48);
  EXPECT_EQ(model->input_spec().std, (std::array{0.25F, 0.25F, 0.25F}));
  EXPECT_EQ(recognise_file(folder_.path(), "", "mean").spec.options.at("features"), "mean");
  EXPECT_TRUE(says(error_of([&] { recognise_file(folder_.path(), "", "largest"); }), "largest"));

  // The file that retort writes of it can be read back.
  write_safetensors(folder_ / "own.safetensors", state_of(*model),
                    {{kSpecKey, to_json(model->spec()).dump()}});
  EXPECT_EQ(to_json(recognise_file(folder_ / "own.safetensors").spec), to_json(model->spec()));
  put_transformers_description();
  write_safetensors(folder_ / "model.safetensors", put_transformers_description());
  EXPECT_TRUE(says(error_of([&] { recognise_file(folder_.path(), "", "cls"); }),
                   "a resnet has no features"));
}

TEST_F(WeightSourceTest, WhatIsMalformedOrNotBuiltIsAnError) {
  EXPECT_TRUE(says(read_error(), "config.json"));
  const StateDict state = put_transformers_description();
  EXPECT_TRUE(says(read_error(), "holds no weights"));
  write_safetensors(folder_ / "model.safetensors", state);
  EXPECT_EQ(recognise_file(folder_.path()).spec.arch, "resnet");
  for (const auto& [config, part] : std::vector<std::pair<nlohmann::json, std::string>>{
           {{{"hidden_act", "silu"}}, "hidden_act"},
           {{{"hidden_act", 3}}, "hidden_act"},
           {{{"downsample_in_bottleneck", true}}, "downsample_in_bottleneck"},
           {{{"model_type", "convnext"}, {"hidden_act", "gelu"}, {"layer_norm_eps", 0.1}},
            "layer_norm_eps"},
           {{{"model_type", "convnextv2"}, {"hidden_act", "gelu"}, {"layer_norm_eps", 1e-5}},
            "layer_norm_eps"},
           {{{"model_type", "swin"}, {"hidden_act", "gelu"}, {"layer_norm_eps", 1e-6}},
            "layer_norm_eps"},
           {{{"model_type", 7}}, "model_type"},
           {{{"hidden_size", 9.3e18}}, "hidden_size"}}) {
    put_transformers_description(config);
    EXPECT_TRUE(says(read_error(), part));
  }
  put_transformers_description();
  for (const std::string header :
       {R"({"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]}})",
        R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})",
        R"({"a":{"dtype":"F32","shape":[2]}})"}) {
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header.size());
    testing::put(folder_ / "model.safetensors", bytes + header + std::string(8, '\0'));
    EXPECT_TRUE(says(read_error(), "model.safetensors")) << header;
  }
}

// Networks with the same tensors as others that compute something else.
TEST_F(WeightSourceTest, TimmsTwinsAreRefusedByName) {
  write_safetensors(folder_ / "model.safetensors", state_of(*formula_model("resnet18", 5)));
  const auto refused = [&](const nlohmann::json& config) {
    put_json("config.json", config);
    return read_error();
  };
  for (const std::string name :
       {"resnetblur18", "resnet18d", "resnetaa50", "seresnet50t", "convnext_atto_ols",
        "convnext_atto_rms", "efficientnet_lite0", "efficientnet_es", "vit_base_patch16_rpn_224",
        "vit_base_patch16_rope_224", "my_net"})
    EXPECT_TRUE(says(refused({{"architecture", name}}), "timm's '" + name + "' is not built"))
        << name;
  EXPECT_TRUE(says(refused({{"architecture", std::string(1000, 'a')}}), "is not built"));
  EXPECT_TRUE(
      says(refused({{"architecture", "resnet18"}, {"model_args", {{"aa_layer", "blurpool"}}}}),
           "the argument 'aa_layer'"));
  EXPECT_TRUE(says(refused({{"architecture", "resnet18"}, {"global_pool", "avgmax"}}),
                   "the pooling \"avgmax\""));
  EXPECT_TRUE(says(refused({{"architecture", "resnet18"}, {"model_args", {{"global_pool", 3}}}}),
                   "the pooling 3"));
  put_json(
      "config.json",
      {{"architecture", "resnet18"}, {"global_pool", "avg"}, {"model_args", {{"num_classes", 5}}}});
  EXPECT_EQ(recognise_file(folder_.path()).spec.arch, "resnet18");
}

TEST_F(WeightSourceTest, WellKnownNetworksThatNoFamilyBuildsAreNamed) {
  const auto refusal_of = [&](const std::string& tensor) {
    StateDict state = state_of(*formula_model("resnet18", 5));
    state[tensor] = at::zeros({2, 2});
    write_safetensors(folder_ / "model.safetensors", state);
    return testing::error_of([&] { recognise_file(folder_ / "model.safetensors"); });
  };
  EXPECT_TRUE(says(refusal_of("image_encoder.blocks.0.attn.rel_pos_h"), "SAM"));
  EXPECT_TRUE(says(refusal_of("image_encoder.model.network.0.0.token_mixer.norm.rbr_skip.weight"),
                   "MobileCLIP"));
}

// Epsilon and padding are those of the name, whatever sizes the tensors have.
TEST_F(WeightSourceTest, TimmsEfficientNetsAreThoseOfTheirName) {
  write_safetensors(folder_ / "model.safetensors",
                    state_of(*make_model({"tf_efficientnet_b0", 3})));
  const auto options = [&](const std::string& name) {
    put_json("config.json", {{"architecture", name}});
    return recognise_file(folder_.path()).spec;
  };
  EXPECT_EQ(options("tf_efficientnet_b0").arch, "tf_efficientnet_b0");
  EXPECT_EQ(options("efficientnet_b0").arch, "efficientnet_b0");
}

TEST_F(WeightSourceTest, TimmsSizesMayBeOthersThanTheNames) {
  const ModelSpec narrow{"resnet", 3, {{"inner", {8, 8, 16, 16}}, {"outer", {8, 8, 16, 16}}}};
  write_safetensors(folder_ / "model.safetensors", state_of(*make_model(narrow)));
  put_json("config.json", {{"architecture", "resnet18"}});
  EXPECT_TRUE(says(read_error(), "resnet18"));
  put_json("config.json",
           {{"architecture", "resnet18"}, {"model_args", {{"channels", {8, 8, 16, 16}}}}});
  EXPECT_EQ(recognise_file(folder_.path()).spec.options.at("inner"), narrow.options.at("inner"));
}

TEST_F(WeightSourceTest, OpenClipsFolder) {
  put_json(
      "open_clip_config.json",
      {{"model_cfg",
        {{"embed_dim", 16},
         {"quick_gelu", true},
         {"vision_cfg", {{"image_size", 32}, {"layers", 1}, {"width", 64}, {"patch_size", 16}}}}},
       {"preprocess_cfg",
        {{"mean", {0.5, 0.5, 0.5}},
         {"std", {0.25, 0.25, 0.25}},
         {"interpolation", "bilinear"},
         {"resize_mode", "shortest"}}}});
  StateDict state{{"visual.class_embedding", at::zeros({64})},
                  {"visual.positional_embedding", at::zeros({5, 64})},
                  {"visual.conv1.weight", at::zeros({64, 3, 16, 16})},
                  {"visual.proj", at::zeros({64, 16})},
                  {"logit_scale", at::zeros({})}};
  const auto add = [&](const std::string& module, const std::vector<int64_t>& shape) {
    state["visual." + module + "weight"] = at::ones(shape);
    state["visual." + module + "bias"] = at::zeros({shape[0]});
  };
  const std::string block = "transformer.resblocks.0.";
  for (const std::string& norm :
       {std::string("ln_pre."), std::string("ln_post."), block + "ln_1.", block + "ln_2."})
    add(norm, {64});
  add(block + "attn.in_proj_", {192, 64});
  add(block + "attn.out_proj.", {64, 64});
  add(block + "mlp.c_fc.", {128, 64});
  add(block + "mlp.c_proj.", {64, 128});
  write_safetensors(folder_ / "open_clip_model.safetensors", state);
  const Recognised found = recognise_file(folder_.path());
  EXPECT_EQ(found.spec.options.at("activation"), "quick_gelu");
  const data::InputSpec input = build(found, "")->input_spec();
  EXPECT_EQ(input.size, 32);
  EXPECT_EQ(data::resize_side(input), 32);
  EXPECT_EQ(input.mean, (std::array{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(input.interpolation, data::Interpolation::bilinear);
  const auto refused = [&](const nlohmann::json& vision,
                           const nlohmann::json& preprocess = nlohmann::json::object()) {
    nlohmann::json tower{{"image_size", 32}};
    tower.update(vision);
    put_json("open_clip_config.json",
             {{"model_cfg", {{"vision_cfg", tower}}}, {"preprocess_cfg", preprocess}});
    return read_error();
  };
  EXPECT_TRUE(says(refused({{"pool_type", "avg"}}), "vision_cfg.pool_type is \"avg\""));
  EXPECT_TRUE(says(refused({{"timm_model_name", "vit"}}), "vision_cfg.timm_model_name"));
  EXPECT_TRUE(says(refused({{"image_size", {32, 48}}}), "not square"));
  EXPECT_TRUE(says(refused({{"image_size", "big"}}), "image_size"));
  EXPECT_TRUE(
      says(refused(nlohmann::json::object(), {{"resize_mode", "longest"}}), "pads the image"));
}

class ChosenWeights : public WeightSourceTest {
 protected:
  static StateDict below(const std::string& prefix, const std::string& arch = "resnet18") {
    StateDict state;
    for (const auto& [name, tensor] : state_of(*make_model({arch, 3})))
      state[prefix + name] = tensor;
    return state;
  }
  Recognised read(const StateDict& state, const std::string& set = "",
                  const std::string& arch = "") {
    write_safetensors(folder_ / "w.safetensors", state);
    return recognise_file((folder_ / "w.safetensors").string() + set, arch);
  }
};

TEST_F(ChosenWeights, OfANetworkInsideAnother) {
  StateDict state = below("backbone.");
  state["head.mlp.0.weight"] = at::zeros({4, 4});
  EXPECT_EQ(read(state).spec.arch, "resnet18");
  EXPECT_TRUE(read(state).set.empty());
  EXPECT_EQ(read(state, "", "resnet18").spec.arch, "resnet18");
  EXPECT_TRUE(says(error_of([&] { read(state, "", "resnet50"); }), "resnet50"));
  StateDict lightning = below("model.encoder.");
  lightning["criterion.weight"] = at::zeros({3});
  EXPECT_EQ(read(lightning).spec.arch, "resnet18");
  lightning["model.encoder.conv1.weight"] = at::zeros({3, 3});
  EXPECT_TRUE(says(error_of([&] { read(lightning); }), "conv1.weight"));
}

TEST_F(ChosenWeights, OneOfTwoIsToldAndTheOtherCanBeNamed) {
  StateDict state = below("student.", "resnet18");
  state.merge(below("teacher.", "mobilenet_v3_small"));
  state["loss.weight"] = at::zeros({3});
  const Recognised found = read(state);
  EXPECT_EQ(found.spec.arch, "mobilenet_v3_small");
  EXPECT_EQ(choice_of(found), "weights 'teacher'; FILE#NAME takes others: student");
  EXPECT_EQ(read(state, "#student").spec.arch, "resnet18");
  EXPECT_EQ(read(state, "#student").set, "student");
  EXPECT_TRUE(says(error_of([&] { read(state, "#best"); }), "holds no weights under 'best'"));
  EXPECT_TRUE(says(error_of([&] { recognise_file((folder_ / "none.pth").string() + "#best"); }),
                   "none.pth#best"));
  // A '#' may be part of a file's name.
  write_safetensors(folder_ / "w.safetensors#student", below(""));
  EXPECT_EQ(read(state, "#student").naming, "torchvision");
  EXPECT_TRUE(read(state, "#student").set.empty());
}

TEST_F(ChosenWeights, TheLogSaysWhichOfTwoAStudentBeginsWith) {
  StateDict state = below("student.");
  state.merge(below("teacher."));
  write_safetensors(folder_ / "w.safetensors", state);
  testing::KeepingLog log;
  load_model(folder_ / "w.safetensors", "resnet18", log);
  EXPECT_TRUE(says(log.text, "w.safetensors: weights 'teacher'; FILE#NAME takes others: student"));
}

}  // namespace
}  // namespace retort::models
