#include "retort/models/weight_source.h"

#include "tests/models/convnets_common.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::models {
namespace {

using testing::error_of;
using testing::says;

// Folders as timm and transformers save them: config.json, preprocessor_config.json, model.safetensors.
class WeightSourceTest : public ::testing::Test {
 protected:
  void put_json(const std::string& name, const nlohmann::json& json) { testing::put(folder_ / name, json.dump()); }

  // Of timm's tf_efficientnet_b0, whose tensors alone would pass for those of an efficientnet_b0.
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

  // The tensors of tests/fixtures/families/resnet_transformers.json, and what transformers writes beside them.
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
      state[tensor[0]] = testing::formula_parameter(tensor[0], tensor[1].get<std::vector<int64_t>>());
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

// Two heads of 32 channels, an activation and an input that are another's: config.json and preprocessor_config.json say it.
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

  // What retort writes of it is read back.
  write_safetensors(folder_ / "own.safetensors", state_of(*model), {{kSpecKey, to_json(model->spec()).dump()}});
  EXPECT_EQ(to_json(recognise_file(folder_ / "own.safetensors").spec), to_json(model->spec()));
  put_transformers_description();
  write_safetensors(folder_ / "model.safetensors", put_transformers_description());
  EXPECT_TRUE(says(error_of([&] { recognise_file(folder_.path(), "", "cls"); }), "a resnet has no features"));
}

TEST_F(WeightSourceTest, WhatIsMalformedOrNotBuiltIsAnError) {
  EXPECT_TRUE(says(read_error(), "config.json"));
  const StateDict state = put_transformers_description();
  EXPECT_TRUE(says(read_error(), "holds no weights"));
  write_safetensors(folder_ / "model.safetensors", state);
  EXPECT_EQ(recognise_file(folder_.path()).spec.arch, "resnet");
  for (const auto& [config, part] :
       std::vector<std::pair<nlohmann::json, std::string>>{{{{"hidden_act", "silu"}}, "hidden_act"},
                                                           {{{"hidden_act", 3}}, "hidden_act"},
                                                           {{{"downsample_in_bottleneck", true}}, "downsample_in_bottleneck"},
                                                           {{{"model_type", 7}}, "model_type"},
                                                           {{{"hidden_size", 9.3e18}}, "hidden_size"}}) {
    put_transformers_description(config);
    EXPECT_TRUE(says(read_error(), part));
  }
  put_transformers_description();
  for (const std::string header : {R"({"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]}})",
                                   R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", R"({"a":{"dtype":"F32","shape":[2]}})"}) {
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header.size());
    testing::put(folder_ / "model.safetensors", bytes + header + std::string(8, '\0'));
    EXPECT_TRUE(says(read_error(), "model.safetensors")) << header;
  }
  put_json("config.json", {{"architecture", "efficientnet_lite0"}, {"num_classes", 5}});
  EXPECT_TRUE(says(read_error(), "tf_efficientnet_lite0"));
}

}  // namespace
}  // namespace retort::models
