#include "retort/models/families/vit_spelling.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "retort/models/geometry.h"

namespace retort::models {
namespace {

// Two of three names suffice, so that a file that lost one is recognised and refused with a
// message.
bool has_two_of(const StateDict& file, const std::array<std::string, 3>& names) {
  return std::ranges::count_if(names,
                               [&](const std::string& name) { return file.contains(name); }) >= 2;
}

std::string if_there(const StateDict& file, const std::string& tensor) {
  return file.contains(tensor) ? tensor : "";
}
std::string if_module(const StateDict& file, const std::string& module) {
  return file.contains(module + ".weight") || file.contains(module + ".bias") ? module : "";
}

// The class token's name; empty where it is missing and the position embeddings are those of
// patches alone.
std::string class_token_of(const StateDict& file, const std::string& token,
                           const std::string& positions) {
  if (file.contains(token)) return token;
  const auto found = file.find(positions);
  const bool alone =
      found != file.end() && found->second.dim() == 3 && square_side(found->second.size(1)) > 0;
  return alone ? "" : token;
}

VitSpelling torchvision_spelling(const StateDict& file) {
  const bool legacy = has_part(file, ".mlp.linear_1.");
  const bool scaled = has_part(file, ".layer_scale_1.");
  const std::string registers = if_there(file, "register_tokens");
  // Parts that torchvision's networks do not have mark a file that retort wrote (vit.h): DINOv3 has
  // no position embeddings, SigLIP no class token.
  const bool turned = scaled && !registers.empty() && !file.contains("encoder.pos_embedding");
  const bool pooled = has_part(file, "pool.attention.");
  VitSpelling spelling{.origin = VitOrigin::torchvision,
                       .name = "torchvision",
                       .class_token = class_token_of(file, "class_token", "encoder.pos_embedding"),
                       .registers = registers,
                       .positions = turned ? "" : "encoder.pos_embedding",
                       .projection = "conv_proj",
                       .pre_norm = if_module(file, "encoder.ln_pre"),
                       .block = "encoder.layers.encoder_layer_",
                       .in_projection = "self_attention.in_proj_",
                       .attention_out = "self_attention.out_proj",
                       .attention_norm = "ln_1",
                       .mlp_norm = "ln_2",
                       .mlp_in = {legacy ? "mlp.linear_1" : "mlp.0"},
                       .mlp_out = legacy ? "mlp.linear_2" : "mlp.3",
                       .attention_scale = scaled ? "layer_scale_1.lambda1" : "",
                       .mlp_scale = scaled ? "layer_scale_2.lambda1" : "",
                       .norm = "encoder.ln",
                       .head = "heads.head"};
  if (pooled)
    spelling.pool = {.query = "pool.probe",
                     .in_projection = "pool.attention.in_proj_",
                     .out = "pool.attention.out_proj",
                     .norm = "pool.ln",
                     .mlp_in = "pool.mlp.0",
                     .mlp_out = "pool.mlp.3"};
  return spelling;
}

// timm's VisionTransformer, and its Eva where that is a DINOv3.
VitSpelling timm_spelling(const StateDict& file) {
  const bool eva = has_part(file, ".gamma_1");
  const bool scaled = eva || has_part(file, ".ls1.");
  const bool pooled = has_part(file, "attn_pool.");
  const bool gated = has_part(file, ".mlp.fc1_g.");
  const bool biases = has_part(file, ".attn.q_bias") || has_part(file, ".attn.v_bias");
  const std::string pre_norm = if_module(file, "norm_pre");
  VitSpelling spelling{.origin = VitOrigin::timm,
                       .name = "timm",
                       .class_token = class_token_of(file, "cls_token", "pos_embed"),
                       .registers = if_there(file, "reg_token"),
                       .positions = eva ? "" : "pos_embed",
                       .projection = "patch_embed.proj",
                       .pre_norm = pre_norm,
                       .block = "blocks.",
                       .in_projection = "attn.qkv.",
                       .attention_out = "attn.proj",
                       .attention_norm = "norm1",
                       .mlp_norm = "norm2",
                       .mlp_in = gated ? std::vector<std::string>{"mlp.fc1_g", "mlp.fc1_x"}
                                       : std::vector<std::string>{"mlp.fc1"},
                       .mlp_out = "mlp.fc2",
                       .attention_scale = !scaled ? ""
                                          : eva   ? "gamma_1"
                                                  : "ls1.gamma",
                       .mlp_scale = !scaled ? ""
                                    : eva   ? "gamma_2"
                                            : "ls2.gamma",
                       .norm = if_module(file, "fc_norm").empty() ? "norm" : "fc_norm",
                       .head = "head",
                       .unread = {"mask_token", "decoder_"}};  // of masked autoencoders
  if (spelling.registers.empty()) spelling.registers = if_there(file, "register_tokens");
  if (file.contains("dist_token")) {
    spelling.registers = "dist_token";
    spelling.second_head = "head_dist";
    spelling.first_register_has_position = true;
  }
  if (file.contains("mask_token") && scaled && !eva) {  // the authors' file, not timm's
    spelling.origin = VitOrigin::dinov2;
    spelling.name = "DINOv2";
    if (has_part(file, ".mlp.w12.")) {
      spelling.mlp_in = {"mlp.w12"};
      spelling.mlp_out = "mlp.w3";
    }
  }
  if (eva) spelling.unbiased = {"attn.qkv"};
  if (biases) spelling.apart_biases = {"attn.q_bias", "attn.v_bias"};
  if (!pre_norm.empty()) spelling.unbiased.emplace_back("patch_embed.proj");
  if (pooled)
    spelling.pool = {.query = "attn_pool.latent",
                     .in_projections = {"attn_pool.q", "attn_pool.kv"},
                     .out = "attn_pool.proj",
                     .norm = "attn_pool.norm",
                     .mlp_in = "attn_pool.mlp.fc1",
                     .mlp_out = "attn_pool.mlp.fc2"};
  return spelling;
}

// ViTModel, Dinov2Model, Dinov2WithRegistersModel, and models that contain them.
VitSpelling transformers_spelling(const StateDict& file, const std::string& prefix) {
  const bool dinov2 =
      prefix.starts_with("dinov2") || has_part(file, ".norm1.") || has_part(file, ".layer_scale1.");
  const bool projections =
      has_part(file, ".attention.q_proj.") || has_part(file, ".attention.o_proj.");
  const bool flat_mlp = dinov2 || has_part(file, ".mlp.fc1.");
  const bool flat_blocks = !dinov2 && !has_part(file, "encoder.layer.");
  const bool gated = has_part(file, ".mlp.gate_proj."), packed = has_part(file, ".mlp.weights_in.");
  VitSpelling spelling{
      .origin = dinov2 ? VitOrigin::dinov2 : VitOrigin::vit,
      .name = dinov2 ? "transformers DINOv2" : "transformers ViT",
      .class_token = prefix + "embeddings.cls_token",
      .registers = dinov2 ? if_there(file, prefix + "embeddings.register_tokens") : "",
      .positions = prefix + "embeddings.position_embeddings",
      .projection = prefix + "embeddings.patch_embeddings.projection",
      .block = prefix + (flat_blocks ? "layers." : "encoder.layer."),
      .qkv =
          projections
              ? std::vector<std::string>{"attention.q_proj", "attention.k_proj", "attention.v_proj"}
              : std::vector<std::string>{"attention.attention.query", "attention.attention.key",
                                         "attention.attention.value"},
      .attention_out = projections ? "attention.o_proj" : "attention.output.dense",
      .attention_norm = dinov2 ? "norm1" : "layernorm_before",
      .mlp_norm = dinov2 ? "norm2" : "layernorm_after",
      .mlp_in = {flat_mlp ? "mlp.fc1" : "intermediate.dense"},
      .mlp_out = flat_mlp ? "mlp.fc2" : "output.dense",
      .attention_scale = dinov2 ? "layer_scale1.lambda1" : "",
      .mlp_scale = dinov2 ? "layer_scale2.lambda1" : "",
      .norm = prefix + "layernorm",
      .head = "classifier",
      .unread = {prefix + "embeddings.mask_token", prefix + "pooler."}};
  if (dinov2 && gated) spelling.mlp_in = {"mlp.gate_proj", "mlp.up_proj"};
  if (dinov2 && packed) spelling.mlp_in = {"mlp.weights_in"};
  if (dinov2 && (gated || packed)) spelling.mlp_out = gated ? "mlp.down_proj" : "mlp.weights_out";
  return spelling;
}

// DINOv3ViTModel.
VitSpelling dinov3_spelling(const StateDict& file) {
  const bool gated = has_part(file, ".mlp.gate_proj.");
  return {.origin = VitOrigin::dinov3,
          .name = "transformers DINOv3",
          .class_token = "embeddings.cls_token",
          .registers = if_there(file, "embeddings.register_tokens"),
          .projection = "embeddings.patch_embeddings",
          .block = has_part(file, "model.layer.") ? "model.layer." : "layer.",
          .qkv = {"attention.q_proj", "attention.k_proj", "attention.v_proj"},
          .attention_out = "attention.o_proj",
          .attention_norm = "norm1",
          .mlp_norm = "norm2",
          .mlp_in = gated ? std::vector<std::string>{"mlp.gate_proj", "mlp.up_proj"}
                          : std::vector<std::string>{"mlp.up_proj"},
          .mlp_out = "mlp.down_proj",
          .attention_scale = "layer_scale1.lambda1",
          .mlp_scale = "layer_scale2.lambda1",
          .norm = "norm",
          .head = "classifier",
          .unbiased = {"attention.k_proj"},
          .unread = {"embeddings.mask_token"}};
}

// The authors' own file of DINOv3, in which the bias of the keys is masked.
VitSpelling own_dinov3_spelling(const StateDict& file) {
  const bool gated = has_part(file, ".mlp.w1.");
  return {.origin = VitOrigin::dinov3,
          .name = "DINOv3",
          .class_token = "cls_token",
          .registers = if_there(file, "storage_tokens"),
          .projection = "patch_embed.proj",
          .block = "blocks.",
          .in_projection = "attn.qkv.",
          .attention_out = "attn.proj",
          .attention_norm = "norm1",
          .mlp_norm = "norm2",
          .mlp_in = gated ? std::vector<std::string>{"mlp.w1", "mlp.w2"}
                          : std::vector<std::string>{"mlp.fc1"},
          .mlp_out = gated ? "mlp.w3" : "mlp.fc2",
          .attention_scale = "ls1.gamma",
          .mlp_scale = "ls2.gamma",
          .norm = "norm",
          .head = "head",
          .unbiased = {"attn.qkv"},
          .unread = {"mask_token", "rope_embed.", "local_cls_norm."}};
}

// The image tower of OpenAI's CLIP and of OpenCLIP, with the text tower beside it or alone.
VitSpelling open_clip_spelling(const StateDict& file, const std::string& prefix) {
  const bool scaled = has_part(file, ".ls_1.");
  VitSpelling spelling{.origin = VitOrigin::clip,
                       .name = file.contains("input_resolution") ? kOpenAiClip : kOpenClip,
                       .class_token = prefix + "class_embedding",
                       .positions = prefix + "positional_embedding",
                       .projection = prefix + "conv1",
                       .pre_norm = prefix + "ln_pre",
                       .block = prefix + "transformer.resblocks.",
                       .in_projection = "attn.in_proj_",
                       .attention_out = "attn.out_proj",
                       .attention_norm = "ln_1",
                       .mlp_norm = "ln_2",
                       .mlp_in = {"mlp.c_fc"},
                       .mlp_out = "mlp.c_proj",
                       .attention_scale = scaled ? "ls_1.gamma" : "",
                       .mlp_scale = scaled ? "ls_2.gamma" : "",
                       .norm = prefix + "ln_post",
                       .unbiased = {prefix + "conv1"},
                       .unread = {prefix + "proj"}};
  if (prefix.empty()) return spelling;
  for (const char* text : {"transformer.", "text.", "token_embedding.", "positional_embedding",
                           "ln_final.", "text_projection", "logit_scale", "logit_bias", "attn_mask",
                           "input_resolution", "context_length", "vocab_size"})
    spelling.unread.emplace_back(text);
  return spelling;
}

// The image towers of CLIPModel and SiglipModel, alone or with the text tower.
VitSpelling tower_spelling(const StateDict& file, const std::string& prefix) {
  const bool clip = file.contains(prefix + "embeddings.class_embedding") ||
                    !if_module(file, prefix + "pre_layrnorm").empty();
  VitSpelling spelling{
      .origin = clip ? VitOrigin::clip : VitOrigin::siglip,
      .name = clip ? "transformers CLIP" : "transformers SigLIP",
      .class_token = clip ? prefix + "embeddings.class_embedding" : "",
      .positions = prefix + "embeddings.position_embedding.weight",
      .projection = prefix + "embeddings.patch_embedding",
      .pre_norm = clip ? prefix + "pre_layrnorm" : "",  // transformers' spelling
      .block = prefix + "encoder.layers.",
      .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
      .attention_out = "self_attn.out_proj",
      .attention_norm = "layer_norm1",
      .mlp_norm = "layer_norm2",
      .mlp_in = {"mlp.fc1"},
      .mlp_out = "mlp.fc2",
      .norm = prefix + "post_layernorm",
      .head = clip ? "" : "classifier",
      .unread = {prefix + "embeddings.position_ids", "text_model.", "text_projection.",
                 "visual_projection.", "logit_scale", "logit_bias"}};
  if (clip) {
    spelling.unbiased = {spelling.projection};
    spelling.unread.emplace_back("classifier.");  // CLIPForImageClassification's classifier reads
                                                  // tokens without the last layer norm
  } else if (file.contains("classifier.weight")) {
    spelling.unread.push_back(
        prefix +
        "head.");  // SiglipForImageClassification's classifier reads the mean of the patches
  } else if (has_part(file, prefix + "head.")) {
    const std::string head = prefix + "head.";
    spelling.pool = {.query = head + "probe",
                     .in_projection = head + "attention.in_proj_",
                     .out = head + "attention.out_proj",
                     .norm = head + "layernorm",
                     .mlp_in = head + "mlp.fc1",
                     .mlp_out = head + "mlp.fc2"};
  }
  return spelling;
}

}  // namespace

int64_t square_side(int64_t patches) {
  const auto side = static_cast<int64_t>(
      std::llround(std::sqrt(static_cast<double>(std::max<int64_t>(patches, 0)))));
  return side * side == patches ? side : 0;
}

StateDict without_chunks(const StateDict& file) {
  constexpr std::string_view kBlocks = "blocks.";
  StateDict plain;
  for (const auto& [name, tensor] : file) {
    std::string kept = name;
    if (name.starts_with(kBlocks)) {
      const size_t chunk = name.find_first_not_of("0123456789", kBlocks.size());
      const size_t number =
          chunk == std::string::npos ? chunk : name.find_first_not_of("0123456789", chunk + 1);
      const bool numbered =
          number != std::string::npos && chunk > kBlocks.size() && number > chunk + 1;
      if (!numbered || name[chunk] != '.' || name[number] != '.') return file;
      kept.erase(kBlocks.size(), chunk + 1 - kBlocks.size());
    }
    if (!plain.emplace(kept, tensor).second) return file;
  }
  return plain;
}

std::optional<VitSpelling> vit_spelling_of(const StateDict& file) {
  if (has_two_of(file, {"class_token", "encoder.pos_embedding", "conv_proj.weight"}))
    return torchvision_spelling(file);
  if (has_two_of(file, {"cls_token", "storage_tokens", "patch_embed.proj.weight"}) &&
      (file.contains("storage_tokens") || file.contains("rope_embed.periods")))
    return own_dinov3_spelling(file);
  for (const char* own : {"cls_token", "attn_pool.latent"})
    if (has_two_of(file, {own, "pos_embed", "patch_embed.proj.weight"})) return timm_spelling(file);
  if (has_two_of(file, {"cls_token", "reg_token", "patch_embed.proj.weight"}))
    return timm_spelling(file);
  for (const std::string prefix : {"", "vit.", "dinov2.", "dinov2_with_registers."}) {
    const std::string at = prefix + "embeddings.";
    if (has_two_of(file, {at + "cls_token", at + "position_embeddings",
                          at + "patch_embeddings.projection.weight"}))
      return transformers_spelling(file, prefix);
  }
  if (has_two_of(file, {"embeddings.cls_token", "embeddings.register_tokens",
                        "embeddings.patch_embeddings.weight"}))
    return dinov3_spelling(file);
  for (const std::string prefix : {"visual.", ""}) {
    const bool blocks = !if_module(file, prefix + "transformer.resblocks.0.ln_1").empty();
    if (blocks && has_two_of(file, {prefix + "class_embedding", prefix + "conv1.weight",
                                    prefix + "ln_pre.weight"}))
      return open_clip_spelling(file, prefix);
  }
  for (const std::string prefix : {"", "vision_model."}) {
    const std::string at = prefix + "embeddings.";
    for (const std::string& own : {at + "class_embedding", prefix + "head.probe"})
      if (has_two_of(file, {own, at + "position_embedding.weight", at + "patch_embedding.weight"}))
        return tower_spelling(file, prefix);
  }
  return std::nullopt;
}

}  // namespace retort::models
