#pragma once

#include <cstdint>
#include <string>

#include "retort/models/image_model.h"

namespace retort::models {

// The Vision Transformer (Dosovitskiy et al. 2020, arXiv 2010.11929) with torchvision's parameter names. DINOv2 (Oquab et al. 2023, arXiv
// 2304.07193) adds `encoder.layers.encoder_layer_N.layer_scale_{1,2}.lambda1`, a learned factor on each residual branch's channels. DeiT
// (Touvron et al. 2020, arXiv 2012.12877, without its distillation token) is the same network with timm's names and initialisation.

// Whose names the parameters have, and whose initialisation a fresh model.
enum class VitNaming { torchvision, timm };

// How position embeddings are resized (bicubically) to an input of another size.
enum class PosResize {
  align_corners,  // as torchvision's interpolate_embeddings
  half_pixel,     // as transformers' interpolate_pos_encoding
  antialiased,    // as timm's resample_abs_pos_embed: half_pixel, and smoothed where the grid shrinks
};

// What the classifier reads, after the last layer norm.
enum class VitFeatures {
  cls,       // the class token: [N, dim]
  cls_mean,  // the class token and the mean of the patches, as Dinov2ForImageClassification: [N, 2·dim]
};

// ModelSpec.options holds these under the same names, pos_resize as "align_corners", "half_pixel" or "antialiased", features as "cls" or
// "cls+mean", and input as `preprocess` (data::to_json of the spec); naming belongs to the architecture.
struct VitGeometry {
  VitNaming naming = VitNaming::torchvision;
  int64_t patch = 16;            // pixels, [1, 128]
  int64_t dim = 384;             // [1, 8192], a multiple of heads
  int64_t depth = 12;            // blocks, [1, 256]
  int64_t heads = 6;             // [1, 256]
  int64_t mlp_dim = 1536;        // [1, 65536]
  int64_t image_size = 224;      // pixels that the position embeddings stand for, [16, 4096], a multiple of patch
  double layer_norm_eps = 1e-6;  // (0, 0.1]
  bool layer_scale = false;      // factors of 1 in a fresh model
  PosResize pos_resize = PosResize::align_corners;
  VitFeatures features = VitFeatures::cls;
  data::InputSpec input;  // input.size is a multiple of patch

  int64_t grid() const { return image_size / patch; }  // patches a side
  int64_t feature_dim() const { return features == VitFeatures::cls ? dim : 2 * dim; }
};

// The largest multiple of the patch that is at most `limit` and the native size: what InputSpec.size is by default (limit 1024).
int64_t vit_input_size(const VitGeometry& geometry, int64_t limit);

// The architecture's geometry with the options applied. Patch, dim, depth, heads and mlp_dim belong to the names, and are options of "vit"
// alone. Throws UsageError on an option that is unknown, out of range or of another type.
VitGeometry vit_geometry(const ModelSpec& spec);

// The spec that vit_geometry() turns back into this geometry: of the architecture `arch`, or, when it is empty, of the one that has these
// dimensions and naming, else "vit". Throws Error when `arch` has others, and where there is no such architecture in timm's naming.
ModelSpec vit_spec(const VitGeometry& geometry, int64_t classes, const std::string& arch);

}  // namespace retort::models
