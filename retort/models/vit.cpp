#include "retort/models/vit.h"

#include <numbers>
#include <set>

#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "retort/core/error.h"
#include "retort/models/convnet.h"
#include "retort/models/registry.h"
#include "retort/models/vit_names.h"

namespace retort::models {
namespace {

struct Variant {
  const char* arch;
  int64_t patch, dim, depth, heads, mlp_dim;
  VitNaming naming = VitNaming::torchvision;
};

constexpr std::array<Variant, 8> kVariants{{
    {"deit_small", 16, 384, 12, 6, 1536, VitNaming::timm},
    {"deit_tiny", 16, 192, 12, 3, 768, VitNaming::timm},
    {"vit_s_16", 16, 384, 12, 6, 1536},
    {"vit_b_16", 16, 768, 12, 12, 3072},
    {"vit_b_32", 32, 768, 12, 12, 3072},
    {"vit_l_16", 16, 1024, 24, 16, 4096},
    {"vit_l_32", 32, 1024, 24, 16, 4096},
    {"vit_h_14", 14, 1280, 32, 16, 5120},
}};
constexpr const char* kAnyVit = "vit";  // every dimension an option; without any, vit_s_16

constexpr std::array<std::pair<PosResize, const char*>, 3> kPosResizes{
    {{PosResize::align_corners, "align_corners"}, {PosResize::half_pixel, "half_pixel"}, {PosResize::antialiased, "antialiased"}}};
constexpr std::array<std::pair<VitFeatures, const char*>, 2> kFeatures{{{VitFeatures::cls, "cls"}, {VitFeatures::cls_mean, "cls+mean"}}};

bool has_dimensions(const Variant& variant, const VitGeometry& geometry) {
  return variant.naming == geometry.naming && variant.patch == geometry.patch && variant.dim == geometry.dim &&
         variant.depth == geometry.depth && variant.heads == geometry.heads && variant.mlp_dim == geometry.mlp_dim;
}

std::string dimensions(const VitGeometry& geometry) {
  return "patch " + std::to_string(geometry.patch) + ", dim " + std::to_string(geometry.dim) + ", depth " + std::to_string(geometry.depth) +
         ", heads " + std::to_string(geometry.heads) + ", mlp_dim " + std::to_string(geometry.mlp_dim) +
         (geometry.naming == VitNaming::timm ? " and timm's names" : "");
}

VitGeometry fresh_geometry(const Variant& variant) {
  VitGeometry geometry{.naming = variant.naming,
                       .patch = variant.patch,
                       .dim = variant.dim,
                       .depth = variant.depth,
                       .heads = variant.heads,
                       .mlp_dim = variant.mlp_dim,
                       .input = {}};
  if (variant.naming == VitNaming::timm) {  // its configuration of DeiT
    geometry.pos_resize = PosResize::antialiased;
    geometry.input.interpolation = data::Interpolation::bicubic;
    geometry.input.crop_ratio = 0.9;
  }
  return geometry;
}

// Reads options into a geometry's fields; the fields hold the defaults.
class OptionReader {
 public:
  explicit OptionReader(const ModelSpec& spec) : spec_(spec) {}

  void read(const char* key, int64_t& field, int64_t low, int64_t high) {
    const auto* option = find(key);
    if (option == nullptr) return;
    if (!option->is_number_integer() || option->get<int64_t>() < low || option->get<int64_t>() > high)
      fail(key, "a whole number in [" + std::to_string(low) + ", " + std::to_string(high) + "]");
    field = option->get<int64_t>();
  }

  void read(const char* key, double& field, double high) {
    const auto* option = find(key);
    if (option == nullptr) return;
    const double value = option->is_number() ? option->get<double>() : 0;
    if (!(value > 0 && value <= high)) fail(key, "a number above 0, at most " + nlohmann::json(high).dump());
    field = value;
  }

  void read(const char* key, bool& field) {
    const auto* option = find(key);
    if (option == nullptr) return;
    if (!option->is_boolean()) fail(key, "true or false");
    field = option->get<bool>();
  }

  template <class Enum, size_t N>
  void read(const char* key, Enum& field, const std::array<std::pair<Enum, const char*>, N>& words) {
    const auto* option = find(key);
    if (option == nullptr) return;
    std::string list;
    for (const auto& [value, word] : words) {
      if (*option == word) {
        field = value;
        return;
      }
      list += (list.empty() ? "" : " or ") + std::string(word);
    }
    fail(key, list);
  }

  void read(const char* key, data::InputSpec& field) {
    if (const auto* option = find(key)) field = data::input_spec_from(*option);
  }

  void refuse_the_rest() const {
    for (const auto& item : spec_.options.items())
      if (!known_.contains(item.key())) throw UsageError(spec_.arch + " has no option '" + item.key() + "'");
  }

 private:
  const nlohmann::json* find(const char* key) {
    known_.insert(key);
    const auto found = spec_.options.find(key);
    return found == spec_.options.end() ? nullptr : &*found;
  }
  [[noreturn]] void fail(const char* key, const std::string& wanted) const {
    throw UsageError(std::string(key) + " is " + wanted + ", not " + spec_.options.at(key).dump(), spec_.arch);
  }

  const ModelSpec& spec_;
  std::set<std::string> known_;
};

void check_together(const VitGeometry& geometry, const std::string& arch) {
  if (geometry.dim % geometry.heads != 0)
    throw UsageError("a width of " + std::to_string(geometry.dim) + " does not divide into " + std::to_string(geometry.heads) + " heads",
                     arch);
  for (const int64_t size : {geometry.image_size, geometry.input.size})
    if (size % geometry.patch != 0)
      throw UsageError("an image of " + std::to_string(size) + " pixels does not divide into patches of " + std::to_string(geometry.patch),
                       arch);
}

template <class Enum, size_t N>
const char* word_for(Enum value, const std::array<std::pair<Enum, const char*>, N>& words) {
  return std::ranges::find(words, value, &std::pair<Enum, const char*>::first)->second;
}

nlohmann::json options_of(const VitGeometry& geometry) {
  return {{"image_size", geometry.image_size},
          {"layer_norm_eps", geometry.layer_norm_eps},
          {"layer_scale", geometry.layer_scale},
          {"pos_resize", word_for(geometry.pos_resize, kPosResizes)},
          {"features", word_for(geometry.features, kFeatures)},
          {"preprocess", data::to_json(geometry.input)}};
}

torch::nn::LayerNorm layer_norm(const VitGeometry& geometry) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({geometry.dim}).eps(geometry.layer_norm_eps));
}

// What torchvision and timm call the same things.
struct Names {
  const char *projection, *class_token, *positions, *blocks, *block, *norm;
  const char *attention_norm, *attention, *attention_out, *mlp_norm, *mlp_in, *mlp_out;
};
constexpr Names kTorchvisionNames{
    "conv_proj", "class_token", "pos_embedding", "layers", "encoder_layer_", "ln", "ln_1", "self_attention", "out_proj", "ln_2", "0", "3"};
constexpr Names kTimmNames{"proj", "cls_token", "pos_embed", "blocks", "", "norm", "norm1", "attn", "proj", "norm2", "fc1", "fc2"};

const Names& names_of(const VitGeometry& geometry) { return geometry.naming == VitNaming::timm ? kTimmNames : kTorchvisionNames; }

// timm's trunc_normal_ with a mean of 0 and the bounds ±2, which are so far out at its usual 0.02 that none of the distribution is cut off.
void truncated_normal_(const at::Tensor& tensor, double std) {
  const at::NoGradGuard no_grad;
  tensor.uniform_(-1, 1).erfinv_().mul_(std * std::numbers::sqrt2).clamp_(-2, 2);
}

void initialise_linear_as_timm(const torch::nn::LinearImpl& linear) {
  truncated_normal_(linear.weight, 0.02);
  torch::nn::init::zeros_(linear.bias);
}

// torch.nn.MultiheadAttention on one sequence, [N, S, dim] to [N, S, dim].
class SelfAttention : public torch::nn::Module {
 public:
  explicit SelfAttention(const VitGeometry& geometry) : heads_(geometry.heads), head_dim_(geometry.dim / geometry.heads) {
    const int64_t dim = geometry.dim;
    const bool timm = geometry.naming == VitNaming::timm;
    if (timm) {
      const auto all = register_module("qkv", torch::nn::Linear(dim, 3 * dim));
      in_weight_ = all->weight;
      in_bias_ = all->bias;
    } else {
      in_weight_ = register_parameter("in_proj_weight", at::empty({3 * dim, dim}));
      in_bias_ = register_parameter("in_proj_bias", at::zeros({3 * dim}));
    }
    out_ = register_module(names_of(geometry).attention_out, torch::nn::Linear(dim, dim));
    if (timm) return;
    torch::nn::init::xavier_uniform_(in_weight_);
    torch::nn::init::zeros_(out_->bias);
  }

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor all = at::linear(x, in_weight_, in_bias_).unflatten(-1, {3, heads_, head_dim_});
    const auto part = [&](int64_t i) { return all.select(2, i).transpose(1, 2); };  // [N, heads, S, head_dim]
    return out_->forward(at::scaled_dot_product_attention(part(0), part(1), part(2)).transpose(1, 2).flatten(2));
  }

 private:
  int64_t heads_, head_dim_;
  at::Tensor in_weight_, in_bias_;
  torch::nn::Linear out_{nullptr};
};

class Mlp : public torch::nn::Module {
 public:
  explicit Mlp(const VitGeometry& geometry) {
    const Names& names = names_of(geometry);
    in_ = register_module(names.mlp_in, torch::nn::Linear(geometry.dim, geometry.mlp_dim));
    out_ = register_module(names.mlp_out, torch::nn::Linear(geometry.mlp_dim, geometry.dim));
    if (geometry.naming == VitNaming::timm) return;
    for (const auto& linear : {in_, out_}) {
      torch::nn::init::xavier_uniform_(linear->weight);
      torch::nn::init::normal_(linear->bias, 0, 1e-6);
    }
  }

  at::Tensor forward(const at::Tensor& x) { return out_->forward(at::gelu(in_->forward(x))); }

 private:
  torch::nn::Linear in_{nullptr}, out_{nullptr};
};

class Block : public torch::nn::Module {
 public:
  explicit Block(const VitGeometry& geometry) {
    const Names& names = names_of(geometry);
    attention_norm_ = register_module(names.attention_norm, layer_norm(geometry));
    attention_ = register_module(names.attention, std::make_shared<SelfAttention>(geometry));
    mlp_norm_ = register_module(names.mlp_norm, layer_norm(geometry));
    mlp_ = register_module("mlp", std::make_shared<Mlp>(geometry));
    if (!geometry.layer_scale) return;
    attention_scale_ = add_scale("layer_scale_1", geometry.dim);
    mlp_scale_ = add_scale("layer_scale_2", geometry.dim);
  }

  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor x = input + scaled(attention_->forward(attention_norm_->forward(input)), attention_scale_);
    return x + scaled(mlp_->forward(mlp_norm_->forward(x)), mlp_scale_);
  }

 private:
  at::Tensor add_scale(const std::string& name, int64_t dim) {
    return register_module(name, std::make_shared<Holder>())->register_parameter("lambda1", at::ones({dim}));
  }
  static at::Tensor scaled(const at::Tensor& branch, const at::Tensor& scale) { return scale.defined() ? branch * scale : branch; }

  torch::nn::LayerNorm attention_norm_{nullptr}, mlp_norm_{nullptr};
  std::shared_ptr<SelfAttention> attention_;
  std::shared_ptr<Mlp> mlp_;
  at::Tensor attention_scale_, mlp_scale_;
};

// Construction draws in torchvision's (or timm's) order, so that one seed of torch's generator gives the weights that it gives there.
class Vit : public ImageModel {
 public:
  explicit Vit(const ModelSpec& spec) : geometry_(vit_geometry(spec)) {
    spec_ = spec;
    const bool timm = geometry_.naming == VitNaming::timm;
    const Names& names = names_of(geometry_);
    const auto child = [&](const char* name) -> Module& { return *register_module(name, std::make_shared<Holder>()); };
    const auto& [patch, dim] = std::pair(geometry_.patch, geometry_.dim);
    Module& stem = timm ? child("patch_embed") : *this;
    projection_ = stem.register_module(names.projection, torch::nn::Conv2d(torch::nn::Conv2dOptions(3, dim, patch).stride(patch)));
    class_token_ = register_parameter(names.class_token, at::zeros({1, 1, dim}));
    Module& encoder = timm ? *this : child("encoder");
    positions_ = encoder.register_parameter(names.positions, at::empty({1, 1 + geometry_.grid() * geometry_.grid(), dim}));
    if (!timm) torch::nn::init::normal_(positions_, 0, 0.02);
    const auto blocks = encoder.register_module(names.blocks, std::make_shared<Holder>());
    for (int64_t i = 0; i < geometry_.depth; ++i)
      blocks_.push_back(blocks->register_module(names.block + std::to_string(i), std::make_shared<Block>(geometry_)));
    norm_ = encoder.register_module(names.norm, layer_norm(geometry_));
    head_owner_ = timm ? this : &child("heads");
    set_head(spec.classes);
    if (timm) {
      initialise_as_timm();
    } else {
      initialise_head();
      initialise_projection();
    }
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    check_size(images);
    const at::Tensor patches = projection_->forward(images);  // [N, dim, rows, columns]
    at::Tensor x = patches.flatten(2).transpose(1, 2);
    // The class token takes the batch's size from a tensor: as a number, a trace would keep it.
    x = at::cat({class_token_.expand_as(x.slice(1, 0, 1)), x}, 1) + positions(patches.size(2), patches.size(3));
    for (const auto& block : blocks_) x = block->forward(x);
    x = norm_->forward(x);
    const at::Tensor token = x.select(1, 0);
    return geometry_.features == VitFeatures::cls ? token : at::cat({token, x.slice(1, 1).mean(1)}, 1);
  }

  at::Tensor classify(const at::Tensor& features) override { return head_->forward(features); }
  data::InputSpec own_input_spec() const override { return geometry_.input; }
  int64_t feature_dim() const override { return geometry_.feature_dim(); }
  torch::nn::Linear head() override { return head_; }

  void reset_head(int64_t classes) override {
    set_head(classes);
    initialise_head();
  }

 private:
  void set_head(int64_t classes) {
    if (classes < 1 || classes > 100000) throw UsageError("a model needs 1 to 100000 classes, not " + std::to_string(classes));
    torch::nn::Linear fresh(feature_dim(), classes);
    fresh->to(class_token_.device(), class_token_.scalar_type());
    fresh->train(is_training());
    head_ = head_ ? head_owner_->replace_module("head", fresh) : head_owner_->register_module("head", fresh);
    spec_.classes = classes;
  }

  void initialise_head() {
    if (geometry_.naming == VitNaming::timm) return initialise_linear_as_timm(*head_);
    torch::nn::init::zeros_(head_->weight);
    torch::nn::init::zeros_(head_->bias);
  }

  // The projection keeps a convolution's default.
  void initialise_as_timm() {
    truncated_normal_(positions_, 0.02);
    torch::nn::init::normal_(class_token_, 0, 1e-6);
    for (const auto& module : modules(/*include_self=*/false))
      if (const auto* linear = module->as<torch::nn::LinearImpl>()) initialise_linear_as_timm(*linear);
  }

  void initialise_projection() {
    const auto fan_in = static_cast<double>(3 * geometry_.patch * geometry_.patch);
    torch::nn::init::normal_(projection_->weight, 0, std::sqrt(1 / fan_in));
    const at::NoGradGuard no_grad;
    projection_->weight.clamp_(-2, 2);  // torchvision draws again outside ±2, which is 28 standard deviations for patches of 8 pixels
    torch::nn::init::zeros_(projection_->bias);
  }

  void check_size(const at::Tensor& images) const {
    const int64_t patch = geometry_.patch, height = images.size(2), width = images.size(3);
    if (height >= patch && width >= patch && height % patch == 0 && width % patch == 0) return;
    const int64_t below = std::max<int64_t>(std::min(height, width) / patch, 1) * patch;
    throw Error("an input of " + std::to_string(height) + " × " + std::to_string(width) + " pixels does not divide into patches of " +
                    std::to_string(patch),
                spec_.arch,
                "take sides that are multiples of " + std::to_string(patch) + ", such as " + std::to_string(below) + " or " +
                    std::to_string(below + patch));
  }

  // [1, 1 + rows·columns, dim]; the class token's own is never resized.
  at::Tensor positions(int64_t rows, int64_t columns) const {
    const int64_t grid = geometry_.grid();
    if (rows == grid && columns == grid) return positions_;
    const at::Tensor native = positions_.slice(1, 1).transpose(1, 2).unflatten(2, {grid, grid});
    const at::Tensor resized = resize(native, {rows, columns});
    return at::cat({positions_.slice(1, 0, 1), resized.flatten(2).transpose(1, 2)}, 1);
  }

  at::Tensor resize(const at::Tensor& maps, at::IntArrayRef size) const {
    if (geometry_.pos_resize == PosResize::antialiased) return at::_upsample_bicubic2d_aa(maps, size, false, std::nullopt, std::nullopt);
    return at::upsample_bicubic2d(maps, size, geometry_.pos_resize == PosResize::align_corners, std::nullopt, std::nullopt);
  }

  VitGeometry geometry_;
  torch::nn::Conv2d projection_{nullptr};
  at::Tensor class_token_, positions_;
  std::vector<std::shared_ptr<Block>> blocks_;
  torch::nn::LayerNorm norm_{nullptr};
  Module* head_owner_ = nullptr;  // this, or a child of it
  torch::nn::Linear head_{nullptr};
};

std::vector<std::string> archs() {
  std::vector<std::string> names{kAnyVit};
  for (const Variant& variant : kVariants) names.emplace_back(variant.arch);
  return names;
}

RETORT_REGISTER_FAMILY(Family{"vit", archs(), "Vision Transformers (torchvision; timm's DeiT; transformers' ViT and DINOv2)",
                              [](const ModelSpec& spec) -> ModelPtr { return std::make_shared<Vit>(spec); }, recognise_vit,
                              /*sized=*/true});

}  // namespace

int64_t vit_input_size(const VitGeometry& geometry, int64_t limit) {
  return std::min(geometry.image_size, limit / geometry.patch * geometry.patch);
}

VitGeometry vit_geometry(const ModelSpec& spec) {
  const auto* variant = std::ranges::find(kVariants, spec.arch, &Variant::arch);
  if (variant == kVariants.end() && spec.arch != kAnyVit) throw UsageError("no ViT is called '" + spec.arch + "'");
  OptionReader options(spec);
  VitGeometry geometry;
  if (variant != kVariants.end()) {
    geometry = fresh_geometry(*variant);
  } else {
    options.read("patch", geometry.patch, 1, 128);
    options.read("dim", geometry.dim, 1, 8192);
    options.read("depth", geometry.depth, 1, 256);
    options.read("heads", geometry.heads, 1, 256);
    options.read("mlp_dim", geometry.mlp_dim, 1, 65536);
  }
  options.read("image_size", geometry.image_size, 16, 4096);
  options.read("layer_norm_eps", geometry.layer_norm_eps, 0.1);
  options.read("layer_scale", geometry.layer_scale);
  options.read("pos_resize", geometry.pos_resize, kPosResizes);
  options.read("features", geometry.features, kFeatures);
  geometry.input.size = vit_input_size(geometry, 1024);
  options.read("preprocess", geometry.input);
  options.refuse_the_rest();
  check_together(geometry, spec.arch);
  return geometry;
}

ModelSpec vit_spec(const VitGeometry& geometry, int64_t classes, const std::string& arch) {
  const auto* named = arch.empty() ? std::ranges::find_if(kVariants, [&](const Variant& each) { return has_dimensions(each, geometry); })
                                   : std::ranges::find(kVariants, arch, &Variant::arch);
  if (named == kVariants.end()) {
    if (geometry.naming == VitNaming::timm)
      throw Error("these tensors are a ViT of " + dimensions(geometry) + ", of which retort builds deit_tiny and deit_small");
    nlohmann::json options = options_of(geometry);
    options.update({{"patch", geometry.patch},
                    {"dim", geometry.dim},
                    {"depth", geometry.depth},
                    {"heads", geometry.heads},
                    {"mlp_dim", geometry.mlp_dim}});
    return {kAnyVit, classes, std::move(options)};
  }
  if (!has_dimensions(*named, geometry))
    throw Error("these tensors are a ViT of " + dimensions(geometry) + ", where " + named->arch + " has " +
                dimensions(fresh_geometry(*named)));
  ModelSpec spec{named->arch, classes};
  const nlohmann::json defaults = options_of(vit_geometry(spec)), options = options_of(geometry);
  for (const auto& [key, value] : options.items())
    if (value != defaults.at(key)) spec.options[key] = value;
  return spec;
}

}  // namespace retort::models
