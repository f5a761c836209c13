#pragma once

#include <optional>
#include <string>

#include "retort/models/registry.h"

namespace retort::models {

// The ViT family's view of a weight file (Family::recognise), under torchvision's names or of a
// DeiT under timm's. It reads
// - torchvision's VisionTransformer, with `mlp.0` or, as files from before its release 0.14,
// `mlp.linear_1`; what retort adds to it (vit.h);
// - timm's VisionTransformer: ViT, DeiT, DINOv2, image towers of CLIP and SigLIP; its Eva where
// that is a DINOv3. vit_tiny_patch16_224,
//   whose input has a mean and std of 0.5, has DeiT-tiny's names and shapes: without a description
//   it is taken for that;
// - the files of the authors of DINOv2 and DINOv3 (blocks in chunks too), of masked autoencoders
// (their decoder is left out) and of DeiT with a
//   distillation token; OpenAI's CLIP, as a TorchScript archive too, and OpenCLIP;
// - transformers' ViT, DINOv2 (with registers too), DINOv3, CLIP and SigLIP (and SigLIP 2 of a
// fixed size): the models, what they are part
//   of, and the names of version 4 (`encoder.layer.N.attention.attention.query`), which version 5
//   still writes, and of 5's own state_dict.
// Poolers, mask tokens, text towers and projections to their embeddings are left out: no classifier
// reads them. What tensors do not say is read off the hints, or is the public configurations':
// heads of 64 channels (but for widths of 1152, 1280, 1408, 1536 and 1664), epsilon, activation,
// and the input that the family's image processor prepares. Only names, shapes and types are looked
// at, so tensors may be on the meta device.
std::optional<Recognised> recognise_vit(const StateDict& file, const Hints& hints);

}  // namespace retort::models
