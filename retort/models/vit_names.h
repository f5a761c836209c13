#pragma once

#include <optional>
#include <string>

#include "retort/models/registry.h"

namespace retort::models {

// The ViT family's view of a weight file (Family::recognise). It reads
// - torchvision's VisionTransformer, with `mlp.0` or, as files from before its release 0.14, `mlp.linear_1`; layer scales as retort names
// them (vit.h);
// - timm's VisionTransformer at DeiT-tiny's and -small's dimensions. timm's other ViTs of these dimensions (vit_tiny_patch16_224, whose
//   input has a mean and std of 0.5) have the same names and shapes: a file of theirs cannot be told apart, and runs less exactly;
// - transformers' ViTModel and ViTForImageClassification, the names of version 4 (`encoder.layer.N.attention.attention.query`), which
// version 5
//   still writes, and those of version 5's own state_dict (`layers.N.attention.q_proj`);
// - transformers' Dinov2Model and Dinov2ForImageClassification, both namings too; not the SwiGLU variant (dinov2-giant).
// Poolers and mask tokens are left out: no classifier reads them. What tensors cannot tell is the public configurations': 64 channels a
// head (vit_h_14: 80), layer norm eps 1e-6 (transformers' ViT: 1e-12), and the input that the family's image processor prepares. Only
// names, shapes and types are looked at, so tensors may be on the meta device.
std::optional<Recognised> recognise_vit(const StateDict& file, const std::string& arch);

}  // namespace retort::models
