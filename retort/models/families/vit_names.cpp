#include "retort/models/families/vit_names.h"

#include <charconv>
#include <set>

#include "retort/core/error.h"
#include "retort/models/families/vit.h"
#include "retort/models/families/vit_spelling.h"
#include "retort/models/recognise.h"
#include "retort/weights/shape_text.h"

namespace retort::models {
namespace {

// The file's tensors, by the file's own names. Tensors that are taken are marked as read.
class Source {
 public:
  explicit Source(const StateDict& file) : file_(file) {}

  bool has(const std::string& name) const { return file_.contains(name); }

  // The tensor, which must have this number of dimensions and not be empty.
  const at::Tensor& peek(const std::string& name, int64_t dimensions) const {
    const auto found = file_.find(name);
    if (found == file_.end()) throw Error("tensor '" + name + "' of the ViT is missing");
    const at::Tensor& tensor = found->second;
    if (tensor.dim() != dimensions || tensor.numel() == 0)
      throw Error("tensor '" + name + "' is " + weights::shape_text(tensor.sizes()) +
                  ", where a ViT has " + std::to_string(dimensions) + " dimensions");
    return tensor;
  }

  at::Tensor take(const std::string& name, at::IntArrayRef shape) {
    const at::Tensor& tensor = peek(name, static_cast<int64_t>(shape.size()));
    if (tensor.sizes() != shape)
      throw Error("tensor '" + name + "' is " + weights::shape_text(tensor.sizes()) + ", not " +
                  weights::shape_text(shape) + " as the rest of the ViT asks");
    if (!tensor.is_floating_point())
      throw Error("tensor '" + name + "' is of type " + std::string(tensor.dtype().name()) +
                  ", not a float's");
    read_.insert(name);
    return tensor;
  }

  void refuse_the_rest(const VitSpelling& spelling) const {
    for (const auto& [name, tensor] : file_) {
      if (read_.contains(name)) continue;
      if (std::ranges::any_of(spelling.unread, [&read = name](const std::string& prefix) {
            return read.starts_with(prefix);
          }))
        continue;
      throw Error("tensor '" + name + "' has no place in a ViT as " + spelling.name + " names it");
    }
  }

 private:
  const StateDict& file_;
  std::set<std::string> read_;
};

// One more than the highest block number. A gap is reported later, as missing tensors.
int64_t depth_of(const StateDict& file, const std::string& block) {
  int64_t depth = 1;
  for (auto at = file.lower_bound(block); at != file.end() && at->first.starts_with(block); ++at) {
    const char* digits = at->first.data() + block.size();
    const char* end = at->first.data() + at->first.size();
    int32_t number = 0;
    const auto [stop, failure] = std::from_chars(digits, end, number);
    if (failure == std::errc() && stop != end && *stop == '.')
      depth = std::max(depth, int64_t{number} + 1);
  }
  return depth;
}

// CLIP's and SigLIP's position embeddings are a table [positions, dim]; others are [1, positions,
// dim].
int64_t rank_of_positions(VitOrigin origin) {
  return origin == VitOrigin::clip || origin == VitOrigin::siglip ? 2 : 3;
}

// The grid's side, from the number of position embeddings without those of other tokens.
int64_t grid_of(const VitSpelling& spelling, const at::Tensor& positions) {
  const int64_t count = positions.size(-2);
  const int64_t with_class =
      spelling.class_token.empty()
          ? 0
          : square_side(count - (spelling.first_register_has_position ? 2 : 1));
  const bool may_be_alone =
      spelling.origin == VitOrigin::timm && !spelling.first_register_has_position;
  const int64_t alone = spelling.class_token.empty() || may_be_alone ? square_side(count) : 0;
  const int64_t grid = std::max(with_class, alone);
  if (grid < 1)
    throw Error("tensor '" + spelling.positions + "' is " + weights::shape_text(positions.sizes()) +
                ", not " + (spelling.class_token.empty() ? "" : "a class token and ") +
                "a square of patches");
  return grid;
}

bool mentions_any(const std::string& name, std::initializer_list<const char*> parts) {
  return std::ranges::any_of(
      parts, [&](const char* part) { return name.find(part) != std::string::npos; });
}

// A member of a JSON object; null where there is none.
nlohmann::json member(const nlohmann::json& json, const char* key) {
  return json.is_object() ? json.value(key, nlohmann::json()) : nlohmann::json();
}

// A value of transformers' description of the image tower, which is in `vision_config` where there
// is also a text tower.
nlohmann::json hint_of(const Hints& hints, const char* key) {
  if (hints.library != "transformers") return {};
  return member(
      hints.config.contains("vision_config") ? hints.config.at("vision_config") : hints.config,
      key);
}

// The heads of the public models, for files without a description: 64 channels a head, with
// exceptions.
int64_t usual_heads(const VitSpelling& spelling, int64_t dim) {
  const bool dinov3 = spelling.positions.empty(), siglip = spelling.class_token.empty();
  if (dinov3) return dim == 4096 ? 32 : dim / 64;
  if (dim == 1152 || dim == 1280 || dim == 1408 || dim == 1664 || (siglip && dim == 1536))
    return 16;
  return dim / 64;
}

int64_t heads_of(const VitSpelling& spelling, const Hints& hints, int64_t dim) {
  nlohmann::json number = hint_of(hints, "num_attention_heads");
  if (hints.library == "timm") number = member(member(hints.config, "model_args"), "num_heads");
  if (hints.library == "open_clip") {
    const nlohmann::json width =
        member(member(member(hints.config, "model_cfg"), "vision_cfg"), "head_width");
    if (width.is_number_integer() && width >= 1 && width <= dim)
      number = dim / width.get<int64_t>();
  }
  if (hints.library == "retort") number = member(hints.config, "heads");
  if (number.is_number_integer() && number >= 1 && number <= 256) return number.get<int64_t>();
  if (!number.is_null())
    throw Error("the description says " + number.dump() + " heads, not a whole number in [1, 256]");
  const int64_t heads = usual_heads(spelling, dim);
  if (dim % 64 != 0)
    throw Error("a ViT of width " + std::to_string(dim) + " (tensor '" + spelling.projection +
                    ".weight') has an unknown number of heads: without a description only "
                    "multiples of 64 are read, 64 a head",
                "", "give the model's folder, with its config.json");
  return heads;
}

// timm's SigLIPs of these names approximate GELU by tanh; its OpenAI CLIPs have the activation in
// their names.
VitActivation timm_activation(const std::string& name) {
  if (mentions_any(name, {"quickgelu"})) return VitActivation::quick_gelu;
  const bool tanh =
      mentions_any(name, {"siglip"}) &&
      mentions_any(name, {"patch32", "giantopt", "so400m_patch16", "large_patch16_siglip_512",
                          "large_patch16_siglip_gap_512"});
  return tanh ? VitActivation::gelu_tanh : VitActivation::gelu;
}

VitActivation activation_of(const VitSpelling& spelling, const Hints& hints, bool gated) {
  if (hints.library == "timm" || spelling.origin == VitOrigin::timm)
    return timm_activation(hints.name);
  if (hints.library == "open_clip") {
    const nlohmann::json quick = member(member(hints.config, "model_cfg"), "quick_gelu");
    return quick.is_boolean() && quick ? VitActivation::quick_gelu : VitActivation::gelu;
  }
  if (spelling.name == kOpenClip && hints.name != kOpenAiClip) return VitActivation::gelu;
  const nlohmann::json word = hint_of(hints, "hidden_act");
  if (gated && (word == "silu" || spelling.origin == VitOrigin::dinov2))
    return VitActivation::gelu;  // DINOv2's gates are SiLU, whatever the description says
  if (gated && !word.is_null())
    throw Error("hidden_act is " + word.dump() + ", where retort builds gates with silu");
  if (word == "gelu") return VitActivation::gelu;
  if (word == "quick_gelu") return VitActivation::quick_gelu;
  if (word == "gelu_pytorch_tanh" || word == "gelu_new" || word == "gelu_fast")
    return VitActivation::gelu_tanh;
  if (!word.is_null())
    throw Error("hidden_act is " + word.dump() + ", which retort does not build in a ViT");
  if (spelling.origin == VitOrigin::clip) return VitActivation::quick_gelu;
  return spelling.origin == VitOrigin::siglip ? VitActivation::gelu_tanh : VitActivation::gelu;
}

double eps_of(VitOrigin origin, const VitGeometry& geometry, const Hints& hints) {
  const nlohmann::json number = hint_of(hints, "layer_norm_eps");
  if (number.is_number() && number > 0.0 && number <= 0.1) return number.get<double>();
  if (!number.is_null())
    throw Error("layer_norm_eps is " + number.dump() + ", not a number in (0, 0.1]");
  if (origin == VitOrigin::vit) return 1e-12;
  return origin == VitOrigin::clip || geometry.rope_theta > 0 || geometry.pre_norm ? 1e-5 : 1e-6;
}

double theta_of(const Hints& hints) {
  const nlohmann::json number = hint_of(hints, "rope_theta");
  if (number.is_number() && number >= 1.0 && number <= 1e6) return number.get<double>();
  if (!number.is_null())
    throw Error("rope_theta is " + number.dump() + ", not a number in [1, 1e6]");
  return 100;
}

// The features that the authors use for linear probes: DINOv2's evaluation reads the class token
// and the mean, DINOv3's and CLIP's the class token.
VitFeatures features_of(VitOrigin origin, const VitSpelling& spelling, const VitGeometry& geometry,
                        const Hints& hints, bool has_head) {
  if (spelling.pool) return VitFeatures::attention;
  if (spelling.first_register_has_position) return VitFeatures::cls_register;
  if (!geometry.class_token || geometry.norm_pooled) return VitFeatures::mean;
  if (origin == VitOrigin::dinov2) return VitFeatures::cls_mean;
  if (origin != VitOrigin::timm) return VitFeatures::cls;
  const nlohmann::json pool = member(hints.config, "global_pool");
  if (has_head && geometry.rope_theta > 0 && pool.is_null()) return VitFeatures::mean;
  if (has_head) return pool == "avg" ? VitFeatures::mean : VitFeatures::cls;
  const bool dinov2 = geometry.layer_scale && geometry.rope_theta == 0;
  return dinov2 ? VitFeatures::cls_mean : VitFeatures::cls;
}

data::InputSpec input_of(VitOrigin origin, const VitGeometry& geometry) {
  constexpr std::array<float, 3> kHalf{0.5F, 0.5F, 0.5F},
      kClipMean{0.48145466F, 0.4578275F, 0.40821073F},
      kClipStd{0.26862954F, 0.26130258F, 0.27577711F};
  data::InputSpec input;
  input.size = vit_input_size(geometry, 1024);
  const bool siglip = !geometry.class_token;
  const bool clip = origin == VitOrigin::clip || geometry.pre_norm;
  if (origin != VitOrigin::vit && origin != VitOrigin::torchvision)
    input.interpolation = data::Interpolation::bicubic;
  if (siglip || origin == VitOrigin::vit) {
    input.mean = input.std = kHalf;
    input.crop_ratio = 1;
  } else if (clip) {
    input.mean = kClipMean;
    input.std = kClipStd;
    input.crop_ratio = 1;
  } else if (geometry.rope_theta > 0) {
    input.crop_ratio = 1;
  } else if (origin == VitOrigin::dinov2) {
    input.size = vit_input_size(
        geometry, 224);  // the position embeddings are for 518 px; the image processor crops to 224
  } else if (origin == VitOrigin::timm) {
    input.crop_ratio = 0.9;
  } else if (geometry.image_size >
             224) {  // SWAG's weights, the only ones of torchvision with this size
    input.interpolation = data::Interpolation::bicubic;
    input.crop_ratio = 1;
  }
  return input;
}

PosResize pos_resize_of(VitOrigin origin, const VitGeometry& geometry) {
  if (origin == VitOrigin::torchvision) return PosResize::align_corners;
  const bool smooth =
      origin == VitOrigin::timm || (origin == VitOrigin::dinov2 && geometry.registers > 0);
  return smooth ? PosResize::antialiased : PosResize::half_pixel;
}

// Takes the user's features instead of the authors'. Tensors that only those need stay unread.
void choose_features(const std::string& wanted, const VitGeometry& geometry,
                     VitSpelling& spelling) {
  const VitFeatures features = vit_features_from(wanted);
  if (features == geometry.features) return;
  if (features == VitFeatures::attention)
    throw Error("has no attention pool: its features are cls, cls+mean or mean");
  if (spelling.pool)
    spelling.unread.push_back(spelling.pool->query.substr(0, spelling.pool->query.rfind('.') + 1));
  for (const std::string& head : {spelling.head, spelling.second_head})
    if (!head.empty()) spelling.unread.push_back(head + ".");
  spelling.pool.reset();
  spelling.head.clear();
}

// A file that retort wrote says itself what shapes do not show.
void apply_own_words(const Hints& hints, VitGeometry& geometry) {
  if (hints.library != "retort") return;
  const VitGeometry own = vit_geometry({hints.name, 1, hints.config});
  geometry.layer_norm_eps = own.layer_norm_eps;
  if (geometry.rope_theta > 0) geometry.rope_theta = own.rope_theta;
  geometry.norm_pooled = own.norm_pooled;
  geometry.activation = own.activation;
  geometry.pos_resize = own.pos_resize;
  geometry.features = own.features;
  geometry.input = own.input;
}

// timm's names are kept only for a DeiT, because it is also a student.
bool is_deit(const VitSpelling& spelling, const std::string& arch) {
  const bool plain = spelling.registers.empty() && spelling.pre_norm.empty() &&
                     spelling.attention_scale.empty() && !spelling.pool &&
                     spelling.norm == "norm" && !spelling.class_token.empty() &&
                     spelling.mlp_in.size() == 1;
  return spelling.origin == VitOrigin::timm && plain && (arch.empty() || arch.starts_with("deit"));
}

bool has_deits_dimensions(const VitGeometry& geometry, bool class_position) {
  return geometry.patch == 16 && geometry.depth == 12 &&
         (geometry.dim == 192 || geometry.dim == 384) && class_position &&
         geometry.mlp_dim == 4 * geometry.dim && geometry.features == VitFeatures::cls;
}

// timm's class Eva also rotates queries and keys by position in networks where no tensor shows it:
// in EVA-02 and the Perception Encoder, besides added positions, and in its ViTs with RoPE, which
// unlike DINOv3 have no registers. Such files are refused.
void refuse_hidden_rotation(const VitSpelling& spelling, const VitGeometry& geometry,
                            const Hints& hints) {
  if (spelling.origin != VitOrigin::timm || !hints.library.empty() || !hints.arch.empty()) return;
  const bool positions = !spelling.positions.empty();
  const bool eva = positions && geometry.gated && !geometry.layer_scale;
  const bool perception = positions && geometry.pre_norm && spelling.pool.has_value();
  const bool rope_vit = !positions && geometry.registers == 0;
  if (eva || perception || rope_vit)
    throw Error(std::string("looks like timm's ") +
                    (eva          ? "EVA-02"
                     : perception ? "Perception Encoder"
                                  : "ViT with RoPE") +
                    ", which is not built: it encodes positions in a way that no tensor shows",
                "", "if it is another network, give its folder, with its config.json");
}

VitGeometry geometry_of(const StateDict& file, const Source& source, const VitSpelling& spelling,
                        const Hints& hints) {
  const std::string projection = spelling.projection + ".weight";
  const at::Tensor& kernel = source.peek(projection, 4);
  const std::string block = spelling.block + "0.";
  VitGeometry geometry;
  geometry.patch = kernel.size(3);
  geometry.dim = kernel.size(0);
  if (geometry.patch > 128)
    throw Error("tensor '" + projection + "' is " + weights::shape_text(kernel.sizes()) +
                ": patches of over 128 pixels are not read");
  geometry.heads = heads_of(spelling, hints, geometry.dim);
  geometry.class_token = !spelling.class_token.empty();
  geometry.layer_scale = !spelling.attention_scale.empty();
  geometry.pre_norm = !spelling.pre_norm.empty();
  geometry.norm_pooled = spelling.norm == "fc_norm";
  if (!spelling.registers.empty()) geometry.registers = source.peek(spelling.registers, 3).size(1);
  if (spelling.positions.empty()) geometry.rope_theta = theta_of(hints);
  geometry.depth = depth_of(file, spelling.block);
  geometry.mlp_dim = source.peek(block + spelling.mlp_out + ".weight", 2).size(1);
  geometry.gated =
      spelling.mlp_in.size() == 2 ||
      source.peek(block + spelling.mlp_in[0] + ".weight", 2).size(0) == 2 * geometry.mlp_dim;

  refuse_hidden_rotation(spelling, geometry, hints);
  bool class_position = false;
  if (spelling.positions.empty()) {
    geometry.image_size = std::max<int64_t>(224 / geometry.patch, 1) * geometry.patch;
  } else {
    const at::Tensor& positions =
        source.peek(spelling.positions, rank_of_positions(spelling.origin));
    const int64_t grid = grid_of(spelling, positions);
    geometry.image_size = grid * geometry.patch;
    class_position = positions.size(-2) == grid * grid + 1;
  }

  // A file with layer scales in torchvision's naming is a DINOv2 that retort wrote.
  const bool own_dinov2 =
      spelling.origin == VitOrigin::torchvision && geometry.layer_scale && geometry.rope_theta == 0;
  const VitOrigin origin = own_dinov2 ? VitOrigin::dinov2 : spelling.origin;
  const bool has_head = !spelling.head.empty() && file.contains(spelling.head + ".weight");
  geometry.layer_norm_eps = eps_of(origin, geometry, hints);
  geometry.activation = activation_of(spelling, hints, geometry.gated);
  geometry.pos_resize = pos_resize_of(origin, geometry);
  geometry.features = features_of(origin, spelling, geometry, hints, has_head);
  if (spelling.origin == VitOrigin::torchvision && has_head && !spelling.pool &&
      geometry.class_token && file.at("heads.head.weight").dim() == 2)
    geometry.features = file.at("heads.head.weight").size(1) == 2 * geometry.dim
                            ? VitFeatures::cls_mean
                            : VitFeatures::cls;
  geometry.input = input_of(origin, geometry);
  apply_own_words(hints, geometry);
  if (is_deit(spelling, hints.arch) &&
      (!hints.arch.empty() || has_deits_dimensions(geometry, class_position)))
    geometry.naming = VitNaming::timm;
  return geometry;
}

// Converts the tensors to torchvision's names; a model with timm's names keeps the file's.
class Converter {
 public:
  Converter(Source& source, const VitSpelling& spelling, const VitGeometry& geometry)
      : source_(source), spelling_(spelling), geometry_(geometry) {}

  StateDict convert(const std::optional<int64_t>& classes) {
    const int64_t dim = geometry_.dim, patch = geometry_.patch;
    if (geometry_.class_token) {
      const bool flat = spelling_.origin == VitOrigin::clip;
      put("class_token", spelling_.class_token,
          source_.take(spelling_.class_token, flat ? Shape{dim} : Shape{1, 1, dim})
              .view({1, 1, dim}));
    }
    if (geometry_.registers > 0) put("register_tokens", spelling_.registers, registers());
    if (geometry_.rope_theta == 0) put("encoder.pos_embedding", spelling_.positions, positions());
    add("conv_proj", spelling_.projection, {dim, 3, patch, patch});
    if (geometry_.pre_norm) add("encoder.ln_pre", spelling_.pre_norm, {dim});
    for (int64_t i = 0; i < geometry_.depth; ++i)
      add_block("encoder.layers.encoder_layer_" + std::to_string(i) + ".",
                spelling_.block + std::to_string(i) + ".");
    add("encoder.ln", spelling_.norm, {dim});
    if (spelling_.pool) add_pool(*spelling_.pool);
    if (classes) add_head(*classes);
    source_.refuse_the_rest(spelling_);
    return std::move(state_);
  }

 private:
  using Shape = std::vector<int64_t>;

  void put(const std::string& ours, const std::string& theirs, at::Tensor tensor) {
    state_[geometry_.naming == VitNaming::timm ? theirs : ours] = std::move(tensor);
  }
  void add_tensor(const std::string& ours, const std::string& theirs, const Shape& shape) {
    put(ours, theirs, source_.take(theirs, shape));
  }

  // The module's bias, or zeros where this kind of file may lack it. `module` is its name within a
  // block.
  at::Tensor bias_of(const std::string& theirs, const std::string& module, int64_t size) {
    const bool optional = std::ranges::find(spelling_.unbiased, module) != spelling_.unbiased.end();
    if (optional && !source_.has(theirs + "bias")) return at::zeros({size});
    return source_.take(theirs + "bias", {size});
  }

  // Adds a module's weight, which must have this shape, and its bias.
  void add(const std::string& ours, const std::string& theirs, const Shape& shape) {
    add_tensor(ours + ".weight", theirs + ".weight", shape);
    put(ours + ".bias", theirs + ".bias", bias_of(theirs + ".", theirs, shape[0]));
  }

  at::Tensor registers() {
    at::Tensor tokens = source_.take(spelling_.registers, {1, geometry_.registers, geometry_.dim});
    if (!spelling_.first_register_has_position) return tokens;
    return tokens + source_.peek(spelling_.positions, 3).slice(1, 1, 2);
  }

  // DeiT's two heads, of the class token and of the first register, are averaged; here they become
  // one head that reads both tokens.
  void add_head(int64_t classes) {
    if (spelling_.second_head.empty())
      return add("heads.head", spelling_.head, {classes, geometry_.feature_dim()});
    std::vector<at::Tensor> weights, biases;
    for (const std::string& head : {spelling_.head, spelling_.second_head}) {
      weights.push_back(source_.take(head + ".weight", {classes, geometry_.dim}));
      biases.push_back(source_.take(head + ".bias", {classes}));
    }
    state_["heads.head.weight"] = at::cat(weights, 1) * 0.5;
    state_["heads.head.bias"] = (biases[0] + biases[1]) * 0.5;
  }

  at::Tensor positions() {
    const int64_t dim = geometry_.dim, patches = geometry_.grid() * geometry_.grid();
    const at::Tensor& whole =
        source_.peek(spelling_.positions, rank_of_positions(spelling_.origin));
    const int64_t count = whole.size(-2);
    const at::Tensor taken =
        source_
            .take(spelling_.positions, whole.dim() == 2 ? Shape{count, dim} : Shape{1, count, dim})
            .view({1, count, dim});
    if (spelling_.first_register_has_position)
      return at::cat({taken.slice(1, 0, 1), taken.slice(1, 2)}, 1);
    // With timm's no_embed_class the class token has no position.
    return geometry_.class_token && count == patches
               ? at::cat({at::zeros({1, 1, dim}, taken.options()), taken}, 1)
               : taken;
  }

  void add_block(const std::string& ours, const std::string& theirs) {
    const int64_t dim = geometry_.dim, hidden = geometry_.mlp_dim;
    add(ours + "ln_1", theirs + spelling_.attention_norm, {dim});
    add_in_projection(ours + "self_attention.in_proj_", theirs);
    add(ours + "self_attention.out_proj", theirs + spelling_.attention_out, {dim, dim});
    add(ours + "ln_2", theirs + spelling_.mlp_norm, {dim});
    add_joined(ours + "mlp.0.", theirs, spelling_.mlp_in,
               geometry_.gated && spelling_.mlp_in.size() == 1 ? 2 * hidden : hidden);
    add(ours + "mlp.3", theirs + spelling_.mlp_out, {dim, hidden});
    if (!geometry_.layer_scale) return;
    add_tensor(ours + "layer_scale_1.lambda1", theirs + spelling_.attention_scale, {dim});
    add_tensor(ours + "layer_scale_2.lambda1", theirs + spelling_.mlp_scale, {dim});
  }

  void add_in_projection(const std::string& ours, const std::string& theirs) {
    const int64_t dim = geometry_.dim;
    if (!spelling_.qkv.empty()) return add_joined(ours, theirs, spelling_.qkv, dim);
    const std::string whole = theirs + spelling_.in_projection;
    add_tensor(ours + "weight", whole + "weight", {3 * dim, dim});
    const auto& [queries, values] = spelling_.apart_biases;
    if (!queries.empty()) {
      put(ours + "bias", "",
          at::cat({source_.take(theirs + queries, {dim}), at::zeros({dim}),
                   source_.take(theirs + values, {dim})}));
    } else {
      put(ours + "bias", whole + "bias",
          without_keys(bias_of(whole, "attn.qkv", 3 * dim), whole + "bias_mask"));
    }
  }

  // DINOv3's training masks the bias of the keys, so that its value in the file does not count.
  at::Tensor without_keys(const at::Tensor& bias, const std::string& mask) {
    if (!source_.has(mask)) return bias;
    const int64_t dim = geometry_.dim;
    source_.take(mask, {3 * dim});
    return at::cat(
        {bias.slice(0, 0, dim), at::zeros({dim}, bias.options()), bias.slice(0, 2 * dim)});
  }

  // Joins the modules' tensors, of this many rows each, into one.
  void add_joined(const std::string& ours, const std::string& theirs,
                  const std::vector<std::string>& modules, int64_t rows) {
    if (modules.size() == 1)
      return add(ours.substr(0, ours.size() - 1), theirs + modules[0], {rows, geometry_.dim});
    std::vector<at::Tensor> weights, biases;
    for (const std::string& module : modules) {
      weights.push_back(source_.take(theirs + module + ".weight", {rows, geometry_.dim}));
      biases.push_back(bias_of(theirs + module + ".", module, rows));
    }
    state_[ours + "weight"] = at::cat(weights);
    state_[ours + "bias"] = at::cat(biases);
  }

  void add_pool(const PoolSpelling& pool) {
    const int64_t dim = geometry_.dim, hidden = geometry_.mlp_dim;
    add_tensor("pool.probe", pool.query, {1, 1, dim});
    if (pool.in_projections.empty()) {
      add_tensor("pool.attention.in_proj_weight", pool.in_projection + "weight", {3 * dim, dim});
      add_tensor("pool.attention.in_proj_bias", pool.in_projection + "bias", {3 * dim});
    } else {
      const std::string &query = pool.in_projections[0],
                        &both = pool.in_projections[1];  // keys and values
      state_["pool.attention.in_proj_weight"] =
          at::cat({source_.take(query + ".weight", {dim, dim}),
                   source_.take(both + ".weight", {2 * dim, dim})});
      state_["pool.attention.in_proj_bias"] =
          at::cat({source_.take(query + ".bias", {dim}), source_.take(both + ".bias", {2 * dim})});
    }
    add("pool.attention.out_proj", pool.out, {dim, dim});
    add("pool.ln", pool.norm, {dim});
    add("pool.mlp.0", pool.mlp_in, {hidden, dim});
    add("pool.mlp.3", pool.mlp_out, {dim, hidden});
  }

  Source& source_;
  const VitSpelling& spelling_;
  const VitGeometry& geometry_;
  StateDict state_;
};

}  // namespace

std::optional<Recognised> recognise_vit(const StateDict& given, const Hints& hints) {
  const StateDict file = without_chunks(given);
  std::optional<VitSpelling> spelling = vit_spelling_of(file);
  if (!spelling) return std::nullopt;
  Source source(file);
  try {
    VitGeometry geometry = geometry_of(file, source, *spelling, hints);
    if (!hints.features.empty()) {
      choose_features(hints.features, geometry, *spelling);
      geometry.features = vit_features_from(hints.features);
    }
    const std::optional<int64_t> classes =
        spelling->head.empty() ? std::nullopt : classes_of(file, spelling->head);
    StateDict state = Converter(source, *spelling, geometry).convert(classes);
    ModelSpec spec = vit_spec(geometry, classes.value_or(1), hints.arch);
    vit_geometry(spec);
    return Recognised{std::move(spec), std::move(state), spelling->name, classes.has_value()};
  } catch (const UsageError& error) {  // the file is wrong, not the user
    throw Error(error.what());
  }
}

}  // namespace retort::models
