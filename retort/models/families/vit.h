#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::models {

// The Vision Transformer (Dosovitskiy et al. 2020, arXiv 2010.11929) with torchvision's parameter
// names, and what later networks add to it:
// - DINOv2 (Oquab et al. 2023, arXiv 2304.07193): a learned factor for each channel of a residual
//   branch, `encoder.layers.encoder_layer_N.layer_scale_{1,2}.lambda1`;
// - registers (Darcet et al. 2023, arXiv 2309.16588): `register_tokens`, which come after the
//   class token and have no position;
// - DINOv3 (Siméoni et al. 2025, arXiv 2508.10104): positions rotate queries and keys (rope_theta)
//   and have no embeddings;
// - CLIP (Radford et al. 2021, arXiv 2103.00020): `encoder.ln_pre`, a layer norm before the first
//   block;
// - SigLIP (Zhai et al. 2023, arXiv 2303.15343): no class token; `pool.*`, an attention of one
//   learned query over all patches.
// DeiT (Touvron et al. 2020, arXiv 2012.12877) is the same network with timm's names and
// initialisation. Its distillation token is a register to which its position has been added.

// Whose parameter names a network has, and whose initialisation a new one gets.
enum class VitNaming { torchvision, timm };

// How position embeddings are resized (bicubically) to an input of another size.
enum class PosResize {
  align_corners,  // as torchvision's interpolate_embeddings
  half_pixel,     // as transformers' interpolate_pos_encoding
  antialiased,    // as timm's resample_abs_pos_embed: half_pixel, smoothed where it shrinks
};

// What the classifier reads, after the last layer norm.
enum class VitFeatures {
  cls,  // the class token: [N, dim]
  // The class token and the mean of the patches, as Dinov2ForImageClassification: [N, 2·dim].
  cls_mean,
  // The class token and the first register, as a DeiT with a distillation token: [N, 2·dim].
  cls_register,
  mean,       // the mean of the patches: [N, dim]
  attention,  // the attention pool: [N, dim]
};

// The activation of the blocks' two-layer networks.
enum class VitActivation {
  gelu,
  quick_gelu,  // x · sigmoid(1.702 x), OpenAI's
  gelu_tanh,   // gelu's approximation by tanh
};

// ModelSpec.options has these under the same names, enumerations as words ("cls+mean" for
// cls_mean), and `input` as `preprocess` (data::to_json of it); `naming` follows from the
// architecture.
struct VitGeometry {
  VitNaming naming = VitNaming::torchvision;
  int64_t patch = 16;      // pixels, [1, 128]
  int64_t dim = 384;       // [1, 8192], a multiple of heads
  int64_t depth = 12;      // blocks, [1, 256]
  int64_t heads = 6;       // [1, 256]
  int64_t mlp_dim = 1536;  // [1, 65536]
  // The image size in pixels of the position embeddings, [16, 4096], a multiple of patch.
  int64_t image_size = 224;
  double layer_norm_eps = 1e-6;  // (0, 0.1]
  bool layer_scale = false;      // all factors are 1 in a new model
  bool class_token = true;
  int64_t registers = 0;  // [0, 64]
  // [0, 1e6]; 0 for position embeddings, else rotary ones, with a multiple of 4 channels in a head.
  double rope_theta = 0;
  bool pre_norm = false;  // ln_pre
  bool gated = false;  // SwiGLU (Shazeer 2020, arXiv 2002.05202): `mlp.0` computes gate and values,
                       // mlp_dim each
  // Whether features are pooled first and normalised afterwards, as with timm's fc_norm.
  bool norm_pooled = false;
  VitActivation activation = VitActivation::gelu;  // not used by gated blocks, which have SiLU
  PosResize pos_resize = PosResize::align_corners;
  VitFeatures features = VitFeatures::cls;  // those with a class token need one
  data::InputSpec input;  // at least one patch; a remainder at the right and bottom is ignored

  int64_t grid() const { return image_size / patch; }  // patches a side
  int64_t positions() const { return grid() * grid() + (class_token ? 1 : 0); }
  int64_t prefix() const { return (class_token ? 1 : 0) + registers; }  // tokens before the patches
  int64_t feature_dim() const {
    return features == VitFeatures::cls_mean || features == VitFeatures::cls_register ? 2 * dim
                                                                                      : dim;
  }
};

// The default of InputSpec.size: the largest multiple of the patch that is at most `limit` and the
// native size.
int64_t vit_input_size(const VitGeometry& geometry, int64_t limit);

// Reads "cls", "cls+mean", "cls+register", "mean" or "attention"; throws UsageError on another
// word.
VitFeatures vit_features_from(const std::string& word);
std::vector<std::string> vit_feature_names();

// The names of the family's architectures.
std::vector<std::string> vit_archs();

// The architecture's geometry with the options applied. Patch, dim, depth, heads and mlp_dim are
// options of "vit" alone; other names fix them. Throws UsageError on an option that is unknown, out
// of range or of another type.
VitGeometry vit_geometry(const ModelSpec& spec);

// The spec from which vit_geometry() makes this geometry. Its architecture is `arch`, or, where
// that is empty, the one with these dimensions and naming, else "vit". Throws Error when `arch` has
// other dimensions, and where no architecture with timm's naming has them.
ModelSpec vit_spec(const VitGeometry& geometry, int64_t classes, const std::string& arch);

}  // namespace retort::models
