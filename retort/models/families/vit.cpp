#include "retort/models/families/vit.h"

#include <torch/nn/init.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"
#include "retort/models/families/vit_layers.h"
#include "retort/models/families/vit_names.h"
#include "retort/models/registry.h"

namespace retort::models {
namespace {

class Vit : public ImageModel {
 public:
  explicit Vit(const ModelSpec& spec) : geometry_(vit_geometry(spec)) {
    spec_ = spec;
    const bool timm = geometry_.naming == VitNaming::timm;
    const auto child = [&](const char* name) -> Module& {
      return *register_module(name, std::make_shared<Holder>());
    };
    const auto& [patch, dim] = std::pair(geometry_.patch, geometry_.dim);
    Module& stem = timm ? child("patch_embed") : *this;
    projection_ = stem.register_module(
        timm ? "proj" : "conv_proj",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(3, dim, patch).stride(patch)));
    if (geometry_.class_token)
      class_token_ = register_parameter(timm ? "cls_token" : "class_token", at::zeros({1, 1, dim}));
    if (geometry_.registers > 0)
      registers_ = register_parameter("register_tokens", at::zeros({1, geometry_.registers, dim}));
    Module& encoder = timm ? *this : child("encoder");
    if (geometry_.rope_theta == 0) {
      positions_ = encoder.register_parameter(timm ? "pos_embed" : "pos_embedding",
                                              at::empty({1, geometry_.positions(), dim}));
      if (!timm) torch::nn::init::normal_(positions_, 0, 0.02);
    }
    if (geometry_.pre_norm) pre_norm_ = encoder.register_module("ln_pre", layer_norm(geometry_));
    const auto blocks =
        encoder.register_module(timm ? "blocks" : "layers", std::make_shared<Holder>());
    for (int64_t i = 0; i < geometry_.depth; ++i)
      blocks_.push_back(blocks->register_module((timm ? "" : "encoder_layer_") + std::to_string(i),
                                                std::make_shared<Block>(geometry_)));
    norm_ = encoder.register_module(timm ? "norm" : "ln", layer_norm(geometry_));
    if (geometry_.features == VitFeatures::attention)
      pool_ = register_module("pool", std::make_shared<AttentionPool>(geometry_));
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
    at::Tensor x = embedded(patches);
    if (pre_norm_) x = pre_norm_->forward(x);
    const Turns turns = turns_of(geometry_, patches.size(2), patches.size(3), x.options());
    for (const auto& block : blocks_) x = block->forward(x, turns);
    return geometry_.norm_pooled ? norm_->forward(pooled(x)) : pooled(norm_->forward(x));
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
    if (classes < 1 || classes > 100000)
      throw UsageError("a model needs 1 to 100000 classes, not " + std::to_string(classes));
    torch::nn::Linear fresh(feature_dim(), classes);
    fresh->to(projection_->weight.device(), projection_->weight.scalar_type());
    fresh->train(is_training());
    head_ = head_ ? head_owner_->replace_module("head", fresh)
                  : head_owner_->register_module("head", fresh);
    spec_.classes = classes;
  }

  void initialise_head() {
    if (geometry_.naming == VitNaming::timm) return initialise_linear_as_timm(*head_);
    torch::nn::init::zeros_(head_->weight);
    torch::nn::init::zeros_(head_->bias);
  }

  // The projection keeps the default initialisation of a convolution.
  void initialise_as_timm() {
    truncated_by_two_(positions_, 0.02);
    torch::nn::init::normal_(class_token_, 0, 1e-6);
    for (const auto& module : modules(/*include_self=*/false))
      if (const auto* linear = module->as<torch::nn::LinearImpl>())
        initialise_linear_as_timm(*linear);
  }

  void initialise_projection() {
    const auto fan_in = static_cast<double>(3 * geometry_.patch * geometry_.patch);
    torch::nn::init::normal_(projection_->weight, 0, std::sqrt(1 / fan_in));
    const at::NoGradGuard no_grad;
    projection_->weight.clamp_(-2, 2);  // torchvision redraws values outside ±2, which are 28
                                        // standard deviations away for patches of 8 pixels
    torch::nn::init::zeros_(projection_->bias);
  }

  void check_size(const at::Tensor& images) const {
    const int64_t patch = geometry_.patch, height = images.size(2), width = images.size(3);
    if (height >= patch && width >= patch && height % patch == 0 && width % patch == 0) return;
    if (height == geometry_.input.size && width == height)
      return;  // SigLIP's 384 pixels are 27 patches of 14 and a remainder
    const int64_t below = std::max<int64_t>(std::min(height, width) / patch, 1) * patch;
    throw Error("an input of " + std::to_string(height) + " × " + std::to_string(width) +
                    " pixels does not divide into patches of " + std::to_string(patch),
                spec_.arch,
                "take sides that are multiples of " + std::to_string(patch) + ", such as " +
                    std::to_string(below) + " or " + std::to_string(below + patch));
  }

  // The tokens [N, S, dim]: class token and patches with their positions, and between them the
  // registers, which have none.
  at::Tensor embedded(const at::Tensor& patches) const {
    at::Tensor x = patches.flatten(2).transpose(1, 2);
    // expand_as takes the batch's size from a tensor, because a trace would keep a number.
    const at::Tensor one = x.slice(1, 0, 1);
    if (geometry_.class_token) x = at::cat({class_token_.expand_as(one), x}, 1);
    if (geometry_.rope_theta == 0) x = x + positions(patches.size(2), patches.size(3));
    if (geometry_.registers == 0) return x;
    const int64_t first = geometry_.class_token ? 1 : 0;
    std::vector<at::Tensor> tokens{x.slice(1, 0, first)};
    for (const at::Tensor& each : registers_.split(1, 1)) tokens.push_back(each.expand_as(one));
    tokens.push_back(x.slice(1, first));
    return at::cat(tokens, 1);
  }

  at::Tensor pooled(const at::Tensor& x) {
    if (geometry_.features == VitFeatures::attention) return pool_->forward(x);
    if (geometry_.features == VitFeatures::cls) return x.select(1, 0);
    if (geometry_.features == VitFeatures::cls_register)
      return at::cat({x.select(1, 0), x.select(1, 1)}, 1);
    const at::Tensor mean = x.slice(1, geometry_.prefix()).mean(1);
    return geometry_.features == VitFeatures::mean ? mean : at::cat({x.select(1, 0), mean}, 1);
  }

  // Position embeddings [1, positions, dim] for a grid of this size; the class token's is not
  // resized.
  at::Tensor positions(int64_t rows, int64_t columns) const {
    const int64_t grid = geometry_.grid(), first = geometry_.class_token ? 1 : 0;
    if (rows == grid && columns == grid) return positions_;
    const at::Tensor native = positions_.slice(1, first).transpose(1, 2).unflatten(2, {grid, grid});
    const at::Tensor resized = resize(native, {rows, columns}).flatten(2).transpose(1, 2);
    return first == 0 ? resized : at::cat({positions_.slice(1, 0, 1), resized}, 1);
  }

  at::Tensor resize(const at::Tensor& maps, at::IntArrayRef size) const {
    if (geometry_.pos_resize == PosResize::antialiased)
      return at::_upsample_bicubic2d_aa(maps, size, false, std::nullopt, std::nullopt);
    return at::upsample_bicubic2d(maps, size, geometry_.pos_resize == PosResize::align_corners,
                                  std::nullopt, std::nullopt);
  }

  VitGeometry geometry_;
  torch::nn::Conv2d projection_{nullptr};
  at::Tensor class_token_, registers_, positions_;  // undefined where there are none
  std::vector<std::shared_ptr<Block>> blocks_;
  torch::nn::LayerNorm pre_norm_{nullptr}, norm_{nullptr};
  std::shared_ptr<AttentionPool> pool_;
  Module* head_owner_ = nullptr;  // this, or a child of it
  torch::nn::Linear head_{nullptr};
};

RETORT_REGISTER_FAMILY(Family{
    "vit", vit_archs(),
    "ViT, DeiT, DINOv2, DINOv3, and the image towers of CLIP and SigLIP (timm, torchvision, "
    "transformers)",
    [](const ModelSpec& spec) -> ModelPtr { return std::make_shared<Vit>(spec); }, recognise_vit,
    /*sized=*/true, vit_feature_names()});

}  // namespace

}  // namespace retort::models
