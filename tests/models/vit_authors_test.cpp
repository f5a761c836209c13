// ViTs under the names of their authors' files, converted from fixtures with other names.
#include <regex>

#include "tests/models/vit_common.h"

namespace retort::models {
namespace {

using Renamings = std::vector<std::pair<std::string, std::string>>;

StateDict renamed(const StateDict& file, const Renamings& renamings) {
  StateDict found;
  for (const auto& [name, tensor] : file) {
    std::string theirs = name;
    for (const auto& [from, to] : renamings)
      theirs = std::regex_replace(theirs, std::regex(from), to);
    found[theirs] = tensor;
  }
  return found;
}

// Compares features that depend on the first and last weights, so that the test fails where one is
// missing.
bool same_features(const Recognised& a, const Recognised& b) {
  const at::NoGradGuard no_grad;
  const ModelPtr first = build(a, ""), second = build(b, "");
  const at::Tensor images = formula_images(56, 56);
  const int64_t patch = state_of(*first).at("conv_proj.weight").size(3), side = 56 / patch * patch;
  const at::Tensor cut = images.slice(2, 0, side).slice(3, 0, side);
  return at::allclose(first->forward_features(cut), second->forward_features(cut), 1e-5, 1e-5);
}

TEST(VitAuthors, Dinov2AsItIsPublishedAndTrained) {
  StateDict file = formula_file("timm_dinov2");
  Recognised timm = recognised(file, {.features = "cls+mean"});
  file["mask_token"] = at::zeros({1, 128});
  const Recognised published = recognised(file);
  EXPECT_EQ(published.naming, "DINOv2");
  EXPECT_EQ(published.spec.options.at("features"), "cls+mean");
  timm.spec.options["pos_resize"] = published.spec.options.at("pos_resize");
  EXPECT_TRUE(same_features(published, timm));
  EXPECT_TRUE(same_features(recognised(renamed(file, {{"^blocks\\.", "blocks.0."}})), published));
  EXPECT_TRUE(same_features(recognised(renamed(file, {{"^blocks\\.0\\.", "blocks.0.0."},
                                                      {"^blocks\\.1\\.", "blocks.1.1."}})),
                            published));
}

TEST(VitAuthors, Dinov3AsItIsPublished) {
  StateDict timm = formula_file("timm_dinov3");
  StateDict own;
  for (const auto& [name, tensor] :
       renamed(timm, {{"^reg_token$", "storage_tokens"}, {"gamma_([12])$", "ls$1.gamma"}})) {
    own[name] = tensor;
    const size_t at = name.find("attn.qkv.weight");
    if (at == std::string::npos) continue;
    const std::string bias = name.substr(0, at) + "attn.qkv.bias";
    const int64_t dim = tensor.size(1);
    own[bias] = testing::formula_parameter(bias, {3 * dim});
    own[bias + "_mask"] = at::full({3 * dim}, std::numeric_limits<float>::quiet_NaN());
    timm[bias] = own[bias].clone();
    timm[bias].slice(0, dim, 2 * dim).zero_();
  }
  own["mask_token"] = at::zeros({1, 128});
  own["rope_embed.periods"] = at::zeros({16});
  const Recognised found = recognised(own);
  EXPECT_EQ(found.naming, "DINOv3");
  EXPECT_TRUE(same_features(found, recognised(timm, {.features = "cls"})));
  own["cls_norm.weight"] = at::ones({128});
  EXPECT_TRUE(mentions(error_of([&] { recognised(own); }), "'cls_norm.weight'"));
}

TEST(VitAuthors, AMaskedAutoencodersDecoderIsLeftOut) {
  StateDict file = formula_file("timm_vit");
  file.erase("head.weight");
  file.erase("head.bias");
  const Recognised plain = recognised(file);
  file["mask_token"] = at::zeros({1, 1, 64});
  file["decoder_embed.weight"] = at::zeros({64, 128});
  file["decoder_blocks.0.attn.qkv.weight"] = at::zeros({192, 64});
  file["decoder_pos_embed"] = at::zeros({1, 50, 64});
  EXPECT_TRUE(same_features(recognised(file), plain));
}

TEST(VitAuthors, DeitsTwoHeadsCountByHalves) {
  const at::NoGradGuard no_grad;
  StateDict file = formula_file("deit_tiny");
  const at::Tensor positions = file.at("pos_embed");
  const at::Tensor own = testing::formula_parameter("dist.position", {1, 1, 192});
  file["pos_embed"] = at::cat({positions.slice(1, 0, 1), own, positions.slice(1, 1)}, 1);
  file["dist_token"] = testing::formula_parameter("dist_token", {1, 1, 192});
  file["head_dist.weight"] =
      testing::formula_parameter("head_dist.weight", file.at("head.weight").sizes());
  file["head_dist.bias"] =
      testing::formula_parameter("head_dist.bias", file.at("head.bias").sizes());
  const Recognised found = recognised(file);
  EXPECT_TRUE(at::allclose(found.state.at("register_tokens"), file.at("dist_token") + own));
  EXPECT_TRUE(at::equal(found.state.at("encoder.pos_embedding"), positions));
  const ModelPtr model = build(found, "");
  const auto [features, logits] = model->forward(formula_images(224, 224));
  const at::Tensor classes =
      at::linear(features.slice(1, 0, 192), file.at("head.weight"), file.at("head.bias"));
  const at::Tensor distilled =
      at::linear(features.slice(1, 192), file.at("head_dist.weight"), file.at("head_dist.bias"));
  EXPECT_TRUE(at::allclose(logits, (classes + distilled) / 2, 1e-4, 1e-5));
  // Read back, and with another choice of features.
  EXPECT_EQ(to_json(recognised(state_of(*model),
                               {.library = "retort", .name = "vit", .config = found.spec.options})
                        .spec),
            to_json(found.spec));
  EXPECT_FALSE(recognised(file, {.features = "cls"}).has_head);
}

TEST(VitAuthors, ClipAsOpenAiAndOpenClipWriteIt) {
  const nlohmann::json fixture = vit_fixture("clip_model");
  const StateDict transformers = file_of(fixture);
  StateDict own = renamed(
      transformers,
      {{"^vision_model\\.embeddings\\.class_embedding$", "visual.class_embedding"},
       {"^vision_model\\.embeddings\\.position_embedding\\.weight$", "visual.positional_embedding"},
       {"^vision_model\\.embeddings\\.patch_embedding", "visual.conv1"},
       {"^vision_model\\.pre_layrnorm", "visual.ln_pre"},
       {"^vision_model\\.post_layernorm", "visual.ln_post"},
       {"^vision_model\\.encoder\\.layers", "visual.transformer.resblocks"},
       {"^(visual.*)layer_norm([12])", "$1ln_$2"},
       {"^(visual.*)self_attn", "$1attn"},
       {"^(visual.*)fc1", "$1c_fc"},
       {"^(visual.*)fc2", "$1c_proj"},
       {"^text_model\\.", "transformer."},
       {"^visual_projection\\.weight$", "visual.proj"},
       {"^text_projection\\.weight$", "text_projection"}});
  for (int i = 0;
       own.contains("visual.transformer.resblocks." + std::to_string(i) + ".attn.q_proj.weight");
       ++i) {
    const std::string attention = "visual.transformer.resblocks." + std::to_string(i) + ".attn.";
    for (const std::string part : {"weight", "bias"}) {
      std::vector<at::Tensor> three;
      for (const char* module : {"q_proj.", "k_proj.", "v_proj."})
        three.push_back(own.extract(attention + module + part).mapped());
      own[attention + "in_proj_" + part] = at::cat(three);
    }
  }
  std::erase_if(own, [](const auto& item) { return mentions(item.first, "position_ids"); });
  const Hints heads{
      .library = "open_clip",
      .config = {{"model_cfg", {{"vision_cfg", {{"head_width", 32}}}, {"quick_gelu", true}}}}};
  const Recognised quick = recognised(own, heads);
  EXPECT_EQ(quick.spec.options.at("heads"), 2);
  EXPECT_TRUE(same_features(quick, recognised(transformers, hints_of(fixture))));
  const auto activation = [](const StateDict& file, const std::string& name = "") {
    return recognised(file, {.name = name}).spec.options.at("activation");
  };
  EXPECT_EQ(activation(own), "gelu");
  EXPECT_EQ(activation(own, "OpenAI CLIP"), "quick_gelu");
  own["input_resolution"] = at::zeros({});
  EXPECT_EQ(activation(own), "quick_gelu");
  StateDict alone;
  for (const auto& [name, tensor] : own)
    if (name.starts_with("visual.")) alone[name.substr(7)] = tensor;
  EXPECT_EQ(recognised(alone).spec.options.at("dim"), quick.spec.options.at("dim"));
  own["visual.attnpool.positional_embedding"] = at::zeros({2});
  EXPECT_TRUE(mentions(error_of([&] { recognised(own); }), "visual.attnpool"));
}

TEST(VitAuthors, NetworksWhoseRotationNoTensorShowsAreRefused) {
  StateDict eva;
  for (const auto& [name, tensor] : formula_file("timm_dinov3_plus"))
    if (name != "reg_token" && name.find("gamma_") == std::string::npos) eva[name] = tensor;
  eva["pos_embed"] = at::zeros({1, 17, 64});
  EXPECT_TRUE(mentions(error_of([&] { recognised(eva); }), "timm's EVA-02"));
  EXPECT_NO_THROW(recognised(eva, {.arch = "vit"}));

  StateDict perception = formula_file("timm_siglip");
  EXPECT_NO_THROW(recognised(perception));
  perception["norm_pre.weight"] = perception["norm_pre.bias"] = at::zeros({64});
  EXPECT_TRUE(mentions(error_of([&] { recognised(perception); }), "timm's Perception Encoder"));

  StateDict rope = formula_file("timm_dinov3");
  EXPECT_NO_THROW(recognised(rope));
  rope.erase("reg_token");
  EXPECT_TRUE(mentions(error_of([&] { recognised(rope); }), "timm's ViT with RoPE"));
}

TEST(VitAuthors, TimmsDinov3ClassifiesByTheMean) {
  StateDict file = formula_file("timm_dinov3");
  EXPECT_EQ(recognised(file).spec.options.at("features"), "cls");
  file["head.weight"] = at::zeros({3, 64});
  file["head.bias"] = at::zeros({3});
  EXPECT_EQ(recognised(file).spec.options.at("features"), "mean");
}

}  // namespace
}  // namespace retort::models
