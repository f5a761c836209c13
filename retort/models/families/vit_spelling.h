#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "retort/models/registry.h"

namespace retort::models {

// Where a ViT's weight file comes from.
enum class VitOrigin { torchvision, timm, vit, dinov2, dinov3, clip, siglip };

// What names a CLIP's file as its authors write it: they approximate the activation, and others do
// not.
inline constexpr const char* kOpenAiClip = "OpenAI CLIP";
inline constexpr const char* kOpenClip = "OpenCLIP";

// How a file spells the attention pool of a SigLIP; module names where not a tensor's.
struct PoolSpelling {
  std::string query{};                        // tensor
  std::string in_projection{};                // up to "weight" or "bias"; empty where it is apart
  std::vector<std::string> in_projections{};  // modules, concatenated
  std::string out{}, norm{}, mlp_in{}, mlp_out{};
};

// How a file spells the parts of a ViT; module names, where not a tensor's; empty where there is no
// such part.
struct VitSpelling {
  VitOrigin origin = VitOrigin::torchvision;
  std::string name{};
  std::string class_token{}, registers{}, positions{};  // tensors
  std::string projection{}, pre_norm{};
  std::string block{};             // a block's prefix up to its number
  std::vector<std::string> qkv{};  // three modules; empty where one tensor holds all three
  std::string in_projection{};     // that tensor, up to "weight" or "bias"
  // Tensors of queries' and values' biases, where one weight holds all three.
  std::array<std::string, 2> apart_biases{};
  std::string attention_out{}, attention_norm{}, mlp_norm{};
  std::vector<std::string> mlp_in{};  // one module, or the gate's and the values'
  std::string mlp_out{};
  std::string attention_scale{}, mlp_scale{};  // tensors
  std::string norm{}, head{};
  std::string second_head{};  // the register's own, beside the class token's: their mean counts
  bool first_register_has_position = false;  // DeiT's distillation token
  std::optional<PoolSpelling> pool{};
  std::vector<std::string> unbiased{};  // modules whose bias may be missing: zero then
  std::vector<std::string> unread{};    // prefixes of what no classifier reads
};

// The side of a square of so many patches, or 0.
int64_t square_side(int64_t patches);

// DINOv2's and DINOv3's training keeps blocks in chunks, "blocks.1.10.norm1.weight", and numbers
// them through: the file without the chunks.
StateDict without_chunks(const StateDict& file);

// Whose file this is, by the names of its tensors; nothing when it is no ViT's.
std::optional<VitSpelling> vit_spelling_of(const StateDict& file);

}  // namespace retort::models
