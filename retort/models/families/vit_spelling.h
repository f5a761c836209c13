#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "retort/models/registry.h"

namespace retort::models {

// Where a ViT's weight file comes from.
enum class VitOrigin { torchvision, timm, vit, dinov2, dinov3, clip, siglip };

// The names of CLIP files: OpenAI's networks approximate GELU, OpenCLIP's do not.
inline constexpr const char* kOpenAiClip = "OpenAI CLIP";
inline constexpr const char* kOpenClip = "OpenCLIP";

// The file's names of SigLIP's attention pool: modules unless marked as tensors.
struct PoolSpelling {
  std::string query{};          // tensor
  std::string in_projection{};  // with "weight" or "bias" appended; empty where it is in parts
  std::vector<std::string> in_projections{};  // modules, concatenated
  std::string out{}, norm{}, mlp_in{}, mlp_out{};
};

// The file's names of the parts of a ViT: modules unless marked as tensors; empty where there is no
// such part.
struct VitSpelling {
  VitOrigin origin = VitOrigin::torchvision;
  std::string name{};
  std::string class_token{}, registers{}, positions{};  // tensors
  std::string projection{}, pre_norm{};
  std::string block{};             // a block's prefix up to its number
  std::vector<std::string> qkv{};  // query, key, value; empty where one tensor has all three
  std::string in_projection{};     // that tensor's name, without "weight" or "bias"
  // Tensors of the biases of queries and values, where one weight has all three.
  std::array<std::string, 2> apart_biases{};
  std::string attention_out{}, attention_norm{}, mlp_norm{};
  std::vector<std::string> mlp_in{};  // one module, or two: gate and values
  std::string mlp_out{};
  std::string attention_scale{}, mlp_scale{};  // tensors
  std::string norm{}, head{};
  std::string second_head{};  // the classifier of the first register; the mean of both heads counts
  bool first_register_has_position = false;  // DeiT's distillation token
  std::optional<PoolSpelling> pool{};
  std::vector<std::string> unbiased{};  // modules whose bias may be missing and is then 0
  std::vector<std::string> unread{};    // prefixes of tensors that no classifier reads
};

// The side of a square of this many patches; 0 where there is none.
int64_t square_side(int64_t patches);

// Renames the tensors of a file whose blocks are in chunks, as DINOv2's and DINOv3's training
// writes them: "blocks.1.10.norm1.weight" becomes "blocks.10.norm1.weight".
StateDict without_chunks(const StateDict& file);

// Recognises whose file this is by its tensors' names; nothing when it is not a ViT's.
std::optional<VitSpelling> vit_spelling_of(const StateDict& file);

}  // namespace retort::models
