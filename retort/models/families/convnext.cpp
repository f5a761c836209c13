// ConvNeXt (Liu et al. 2022, arXiv 2201.03545) and ConvNeXt V2 (Woo et al. 2023, arXiv 2301.00808)
// with timm's names; DINOv3's (Siméoni et al. 2025, arXiv 2508.10104) is a V1. Read under the names
// of timm, torchvision and transformers (ConvNext, ConvNextV2, DINOv3ConvNext).
#include <torch/nn/init.h>
#include <torch/nn/modules/normalization.h>

#include "retort/models/conv_layers.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::convnext {
namespace {

constexpr size_t kStages = 4;
constexpr int64_t kExpansion = 4;
constexpr double kNormEps = 1e-6, kFreshScale = 1e-6;
constexpr const char* kAnyConvNeXt =
    "convnext";  // every size is an option; the default is convnext_atto

struct Plan {
  bool v2 = false;                // global response normalisation instead of layer scales
  int64_t patch = 4;              // pixels of the stem's stride
  Wholes depths{2, 2, 6, 2};      // blocks of each stage
  Wholes dims{40, 80, 160, 320};  // their channels

  bool operator==(const Plan&) const = default;
};

struct Variant {
  const char* arch;
  bool v2;
  std::array<int64_t, kStages> depths, dims;
};
constexpr std::array<Variant, 17> kVariants{{
    {"convnext_atto", false, {2, 2, 6, 2}, {40, 80, 160, 320}},
    {"convnext_femto", false, {2, 2, 6, 2}, {48, 96, 192, 384}},
    {"convnext_pico", false, {2, 2, 6, 2}, {64, 128, 256, 512}},
    {"convnext_nano", false, {2, 2, 8, 2}, {80, 160, 320, 640}},
    {"convnext_tiny", false, {3, 3, 9, 3}, {96, 192, 384, 768}},
    {"convnext_small", false, {3, 3, 27, 3}, {96, 192, 384, 768}},
    {"convnext_base", false, {3, 3, 27, 3}, {128, 256, 512, 1024}},
    {"convnext_large", false, {3, 3, 27, 3}, {192, 384, 768, 1536}},
    {"convnext_xlarge", false, {3, 3, 27, 3}, {256, 512, 1024, 2048}},
    {"convnextv2_atto", true, {2, 2, 6, 2}, {40, 80, 160, 320}},
    {"convnextv2_femto", true, {2, 2, 6, 2}, {48, 96, 192, 384}},
    {"convnextv2_pico", true, {2, 2, 6, 2}, {64, 128, 256, 512}},
    {"convnextv2_nano", true, {2, 2, 8, 2}, {80, 160, 320, 640}},
    {"convnextv2_tiny", true, {3, 3, 9, 3}, {96, 192, 384, 768}},
    {"convnextv2_base", true, {3, 3, 27, 3}, {128, 256, 512, 1024}},
    {"convnextv2_large", true, {3, 3, 27, 3}, {192, 384, 768, 1536}},
    {"convnextv2_huge", true, {3, 3, 27, 3}, {352, 704, 1408, 2816}},
}};

const Variant* find_variant(const std::string& arch) { return entry_named(kVariants, arch); }

Plan plan_of(const Variant& variant) {
  return {.v2 = variant.v2,
          .depths = {variant.depths.begin(), variant.depths.end()},
          .dims = {variant.dims.begin(), variant.dims.end()}};
}

Plan plan_of(const ModelSpec& spec) {
  if (const Variant* variant = find_variant(spec.arch)) return plan_of(*variant);
  if (spec.arch != kAnyConvNeXt) throw UsageError("no ConvNeXt is called '" + spec.arch + "'");
  const Plan otherwise;
  return {.v2 = flag_option(spec, "v2", otherwise.v2),
          .patch = whole_option(spec, "patch", otherwise.patch, 1, 32),
          .depths = wholes_option(spec, "depths", otherwise.depths, 1, 256),
          .dims = wholes_option(spec, "dims", otherwise.dims, 1, 8192)};
}

ModelSpec spec_of(const Plan& plan) {
  for (const Variant& variant : kVariants)
    if (plan == plan_of(variant)) return {.arch = variant.arch};
  return {
      .arch = kAnyConvNeXt,
      .options = {
          {"v2", plan.v2}, {"patch", plan.patch}, {"depths", plan.depths}, {"dims", plan.dims}}};
}

torch::nn::LayerNorm layer_norm(int64_t dim) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim}).eps(kNormEps));
}

torch::nn::Conv2d patches(int64_t in, int64_t out, int64_t size) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, size).stride(size));
}

at::Tensor channels_to_end(const at::Tensor& maps) { return maps.permute({0, 2, 3, 1}); }
at::Tensor channels_to_front(const at::Tensor& maps) { return maps.permute({0, 3, 1, 2}); }

at::Tensor normalise_channels(torch::nn::LayerNorm& norm, const at::Tensor& maps) {
  return channels_to_front(norm->forward(channels_to_end(maps)));
}

// Global response normalisation, equations 1 to 3 of ConvNeXt V2: multiplies each map of [N, H, W,
// C] by its norm over the mean norm of all maps.
class ResponseNorm : public torch::nn::Module {
 public:
  explicit ResponseNorm(int64_t dim)
      : weight_(register_parameter("weight", at::zeros({dim}))),
        bias_(register_parameter("bias", at::zeros({dim}))) {}

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor norms = at::norm(x, 2, {1, 2}, /*keepdim=*/true);
    const at::Tensor relative = norms / (norms.mean({-1}, /*keepdim=*/true) + 1e-6);
    return x + (bias_ + weight_ * (x * relative));
  }

 private:
  at::Tensor weight_, bias_;
};

class Block : public torch::nn::Module {
 public:
  Block(int64_t dim, bool v2, double drop) : drop_(drop) {
    depthwise_ = register_module(
        "conv_dw", torch::nn::Conv2d(torch::nn::Conv2dOptions(dim, dim, 7).padding(3).groups(dim)));
    norm_ = register_module("norm", layer_norm(dim));
    const auto mlp = register_module("mlp", std::make_shared<Holder>());
    widen_ = mlp->register_module("fc1", torch::nn::Linear(dim, kExpansion * dim));
    if (v2)
      response_ = mlp->register_module("grn", std::make_shared<ResponseNorm>(kExpansion * dim));
    narrow_ = mlp->register_module("fc2", torch::nn::Linear(kExpansion * dim, dim));
    if (!v2) scale_ = register_parameter("gamma", at::full({dim}, kFreshScale));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x =
        at::gelu(widen_->forward(norm_->forward(channels_to_end(depthwise_->forward(input)))));
    if (response_) x = response_->forward(x);
    x = narrow_->forward(x);
    if (scale_.defined()) x = x * scale_;
    x = channels_to_front(x);
    if (is_training() && drop_ > 0) x = drop_branches(x, drop_);
    return input + x;
  }

 private:
  double drop_;
  torch::nn::Conv2d depthwise_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  torch::nn::Linear widen_{nullptr}, narrow_{nullptr};
  std::shared_ptr<ResponseNorm> response_;
  at::Tensor scale_;
};

// Options: besides ConvNet's, `stochastic_depth`, in [0, 1), to which the probability rises that
// training drops a block (0 by default), and the sizes of "convnext", named as in Plan. The
// features are the pooled maps after the last norm.
class ConvNeXt : public ConvNet {
 public:
  static constexpr const char* kHead = "head.fc";

  explicit ConvNeXt(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Plan plan = plan_of(spec);
    const double last_drop = rate_option(spec, "stochastic_depth", 0);
    int64_t blocks = 0;
    for (const int64_t depth : plan.depths) blocks += depth;

    const auto stem = register_module("stem", std::make_shared<Holder>());
    stem_ = stem->register_module("0", patches(3, plan.dims[0], plan.patch));
    stem_norm_ = stem->register_module("1", layer_norm(plan.dims[0]));
    const auto stages = register_module("stages", std::make_shared<Holder>());
    for (size_t s = 0; s < kStages; ++s) {
      const auto stage = stages->register_module(std::to_string(s), std::make_shared<Holder>());
      Stage& made = stages_.emplace_back();
      if (s > 0) {
        const auto downsample = stage->register_module("downsample", std::make_shared<Holder>());
        made.norm = downsample->register_module("0", layer_norm(plan.dims[s - 1]));
        made.halve = downsample->register_module("1", patches(plan.dims[s - 1], plan.dims[s], 2));
      }
      const auto list = stage->register_module("blocks", std::make_shared<Holder>());
      for (int64_t i = 0; i < plan.depths[s]; ++i) {
        const double drop = last_drop * static_cast<double>(count_++) /
                            static_cast<double>(std::max<int64_t>(blocks - 1, 1));
        made.blocks.push_back(list->register_module(
            std::to_string(i), std::make_shared<Block>(plan.dims[s], plan.v2, drop)));
      }
    }
    const auto head = register_module("head", std::make_shared<Holder>());
    norm_ = head->register_module("norm", layer_norm(plan.dims.back()));
    adopt_head(*head, "fc", plan.dims.back());
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = normalise_channels(stem_norm_, stem_->forward(images));
    for (Stage& stage : stages_) {
      if (stage.halve) x = stage.halve->forward(normalise_channels(stage.norm, x));
      for (const auto& block : stage.blocks) x = block->forward(x);
    }
    return norm_->forward(average_pool(x));
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.interpolation = data::Interpolation::bicubic;
    return spec;
  }

  void initialise() override {
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* conv = module->as<torch::nn::Conv2dImpl>())
        initialise_layer(conv->weight, conv->bias);
      if (auto* linear = module->as<torch::nn::LinearImpl>())
        initialise_layer(linear->weight, linear->bias);
    }
  }

 protected:
  void initialise_head() override { initialise_layer(head()->weight, head()->bias); }

 private:
  struct Stage {
    torch::nn::LayerNorm norm{nullptr};
    torch::nn::Conv2d halve{nullptr};
    std::vector<std::shared_ptr<Block>> blocks;
  };

  static void initialise_layer(const at::Tensor& weight, const at::Tensor& bias) {
    truncated_by_two_(weight, 0.02);
    torch::nn::init::zeros_(bias);
  }

  int64_t count_ = 0;
  torch::nn::Conv2d stem_{nullptr};
  torch::nn::LayerNorm stem_norm_{nullptr}, norm_{nullptr};
  std::vector<Stage> stages_;
};

// A naming's words for our modules, by their last parts; "" for those that it numbers differently.
struct Words {
  std::string stem, stem_norm, downsample, blocks, depthwise, norm, widen, response, narrow,
      last_norm, head;
};

// "stages.1.blocks.2.mlp.fc1", "stages.1.downsample.0", "stem.0", …
std::string in_words(const Words& words, const std::string& ours,
                     const std::function<std::string(int64_t stage, bool blocks)>& place) {
  if (ours == "stem.0") return words.stem;
  if (ours == "stem.1") return words.stem_norm;
  if (ours == "head.norm") return words.last_norm;
  if (ours == "head.fc") return words.head;
  const std::vector<std::string> parts = split_name(ours);
  const bool blocks = parts.at(2) == "blocks";
  std::string name = place(std::stoll(parts.at(1)), blocks) + "." + parts.at(3);
  if (parts.size() == 4) return name;
  const std::string& last = parts.back();
  const std::map<std::string, std::string> inner{{"conv_dw", words.depthwise},
                                                 {"norm", words.norm},
                                                 {"fc1", words.widen},
                                                 {"grn", words.response},
                                                 {"fc2", words.narrow}};
  return name + "." + inner.at(last);
}

Naming torchvision_naming() {
  const Words words{.stem = "features.0.0",
                    .stem_norm = "features.0.1",
                    .downsample = "",
                    .blocks = "",
                    .depthwise = "block.0",
                    .norm = "block.2",
                    .widen = "block.3",
                    .response = "",
                    .narrow = "block.5",
                    .last_norm = "classifier.0",
                    .head = "classifier.2"};
  return {"torchvision",
          [words](const std::string& ours) {
            return in_words(words, ours, [](int64_t stage, bool blocks) {
              return "features." + std::to_string(2 * stage + (blocks ? 1 : 0));
            });
          },
          {{"gamma", "layer_scale"}},
          /*singletons=*/true};
}

Naming transformers_naming(const std::string& prefix) {
  const Words words{.stem = prefix + "embeddings.patch_embeddings",
                    .stem_norm = prefix + "embeddings.layernorm",
                    .downsample = ".downsampling_layer",
                    .blocks = ".layers",
                    .depthwise = "dwconv",
                    .norm = "layernorm",
                    .widen = "pwconv1",
                    .response = "grn",
                    .narrow = "pwconv2",
                    .last_norm = prefix + "layernorm",
                    .head = "classifier"};
  return {"transformers",
          [words, prefix](const std::string& ours) {
            return in_words(words, ours, [&](int64_t stage, bool blocks) {
              return prefix + "encoder.stages." + std::to_string(stage) +
                     (blocks ? words.blocks : words.downsample);
            });
          },
          {{"gamma", "layer_scale_parameter"}},
          /*singletons=*/true};
}

// transformers' DINOv3ConvNextModel, which has no classifier. Version 5 puts `model.` before all
// names except the last norm's.
Naming dinov3_naming(const std::string& prefix) {
  const Words words{.stem = prefix + "stages.0.downsample_layers.0",
                    .stem_norm = prefix + "stages.0.downsample_layers.1",
                    .downsample = ".downsample_layers",
                    .blocks = ".layers",
                    .depthwise = "depthwise_conv",
                    .norm = "layer_norm",
                    .widen = "pointwise_conv1",
                    .response = "grn",
                    .narrow = "pointwise_conv2",
                    .last_norm = "layer_norm",
                    .head = "classifier"};
  return {"transformers DINOv3", [words, prefix](const std::string& ours) {
            return in_words(words, ours, [&](int64_t stage, bool blocks) {
              return prefix + "stages." + std::to_string(stage) +
                     (blocks ? words.blocks : words.downsample);
            });
          }};
}

Naming timm_naming() {
  Naming naming = public_naming("timm");
  naming.singletons = true;  // small variants have 1 × 1 convolutions instead of linear layers
  return naming;
}

std::optional<Naming> naming_of(const StateDict& file) {
  const auto has_block = [&](const Naming& naming) {
    const Shapes shapes(file, naming);
    return shapes.has("stages.0.blocks.0.conv_dw") &&
           (shapes.has("stem.0") || shapes.has("stem.1"));
  };
  std::vector<Naming> namings{timm_naming()};
  for (const char* prefix : {"convnext.", "convnextv2.", ""})
    namings.push_back(transformers_naming(prefix));
  for (const char* prefix : {"", "model."}) namings.push_back(dinov3_naming(prefix));
  for (const Naming& naming : namings)
    if (has_block(naming)) return naming;
  // Other families of torchvision also number their features, but none has a layer norm there.
  Naming torchvision = torchvision_naming();
  if (has_block(torchvision) && has_part(file, ".layer_scale") &&
      file.contains("features.1.0.block.0.bias"))
    return torchvision;
  return std::nullopt;
}

Plan plan_of(const Shapes& shapes) {
  Plan plan{.v2 = shapes.has("stages.0.blocks.0.mlp.grn"),
            .patch = shapes.of("stem.0.weight", 4)[3],
            .depths = {},
            .dims = {}};
  for (size_t s = 0; s < kStages; ++s) {
    const std::string blocks = "stages." + std::to_string(s) + ".blocks.";
    plan.depths.push_back(shapes.count(blocks));
    plan.dims.push_back(shapes.of(blocks + "0.conv_dw.weight", 4)[0]);
    for (int64_t i = 0; i < plan.depths.back(); ++i)
      shapes.require(blocks + std::to_string(i) + ".mlp.fc1.weight",
                     {kExpansion * plan.dims.back(), plan.dims.back()});
    if (s > 0)
      shapes.require("stages." + std::to_string(s) + ".downsample.1.weight",
                     {plan.dims[s], plan.dims[s - 1], 2, 2});
  }
  return plan;
}

// The input of the public weights with this naming.
data::InputSpec input_of(const Naming& naming, const std::string& arch, data::InputSpec input) {
  if (naming.name == "transformers DINOv3") {
    input.interpolation = data::Interpolation::bilinear;
    input.crop_ratio = 1;
  }
  if (naming.name == "torchvision") {
    input.interpolation = data::Interpolation::bilinear;
    const std::map<std::string, int64_t> resized{{"convnext_tiny", 236}, {"convnext_small", 230}};
    const auto found = resized.find(arch);
    input.crop_ratio = static_cast<double>(input.size) /
                       static_cast<double>(found == resized.end() ? 232 : found->second);
  }
  return input;
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const std::optional<Naming> found = naming_of(file);
  if (hints.arch.empty() && !found) return std::nullopt;
  const Naming naming = found.value_or(timm_naming());
  ModelSpec spec = find_variant(hints.arch) != nullptr ? ModelSpec{.arch = hints.arch}
                                                       : spec_of(plan_of(Shapes(file, naming)));
  data::InputSpec fresh;
  fresh.interpolation = data::Interpolation::bicubic;
  const data::InputSpec input = input_of(naming, spec.arch, fresh);
  if (input != fresh) spec.options["preprocess"] = data::to_json(input);
  return recognise_as<ConvNeXt>(std::move(spec), file, naming);
}

RETORT_REGISTER_FAMILY(Family{"convnext", arch_names(kAnyConvNeXt, kVariants),
                              "ConvNeXt V1 and V2 (timm, torchvision, transformers), DINOv3's too",
                              make_convnet<ConvNeXt>, recognise});

}  // namespace
}  // namespace retort::models::convnext
