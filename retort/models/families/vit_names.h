#pragma once

#include <optional>
#include <string>

#include "retort/models/registry.h"

namespace retort::models {

// Reads a weight file of the ViT family (Family::recognise). The tensors come out under
// torchvision's names, those of a DeiT under timm's. It reads
// - torchvision's VisionTransformer, with `mlp.0` or, in files from before its release 0.14,
//   `mlp.linear_1`, and what retort adds to it (vit.h);
// - timm's VisionTransformer: ViT, DeiT, DINOv2, and the image towers of CLIP and SigLIP; and
//   timm's Eva where that is a DINOv3;
// - the files of the authors of DINOv2 and DINOv3 (blocks in chunks too), of masked autoencoders
//   (without their decoder) and of DeiT with a distillation token; OpenAI's CLIP, as a TorchScript
//   archive too, and OpenCLIP;
// - transformers' ViT, DINOv2 (with registers too), DINOv3, CLIP and SigLIP (and SigLIP 2 of a
//   fixed size): the models, and models that contain them. It knows the names of version 4
//   (`encoder.layer.N.attention.attention.query`), which version 5 still writes, and those of
//   version 5's own state_dict.
// Poolers, mask tokens, text towers and projections to their embeddings are left out: no classifier
// reads them.
//
// What the tensors do not say is taken from the hints, or else from the public configurations:
// heads of 64 channels (but for widths of 1152, 1280, 1408, 1536 and 1664), epsilon, activation,
// and the input that the family's image processor prepares. Without hints, timm's
// vit_tiny_patch16_224 is taken for DeiT-tiny, which has its names and shapes, though its input has
// a mean and std of 0.5. Only names, shapes and types are read, so tensors may be on the meta
// device.
std::optional<Recognised> recognise_vit(const StateDict& file, const Hints& hints);

}  // namespace retort::models
