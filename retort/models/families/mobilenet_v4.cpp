// MobileNetV4 (Qin et al. 2024, arXiv 2404.10518), the convolutional ones, as timm has them.
#include <torch/nn/modules/batchnorm.h>

#include "retort/models/conv_layers.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::mobilenet_v4 {
namespace {

constexpr const char* kAnyMobileNetV4 =
    "mobilenetv4";  // every size is an option; the default is mobilenetv4_conv_small

enum Kind : int64_t {
  kConv,
  kFused,
  kUniversal
};  // one convolution; 3 × 3 and pointwise; a universal inverted bottleneck

// In a universal block `start` is the kernel size of the depthwise convolution before the expansion
// and `kernel` of the one after it; 0 for none.
struct Layer {
  int64_t stage, kind, hidden, out, start, kernel;
  bool operator==(const Layer&) const = default;
};

struct Plan {
  int64_t stem = 32, features = 1280;  // channels
  std::vector<Layer> layers;
  bool operator==(const Plan&) const = default;
};

const std::vector<Layer>& small_layers() {
  static const std::vector<Layer> layers{
      {0, 0, 32, 32, 0, 3},   {0, 0, 32, 32, 0, 1},   {1, 0, 96, 96, 0, 3},
      {1, 0, 64, 64, 0, 1},   {2, 2, 192, 96, 5, 5},  {2, 2, 192, 96, 0, 3},
      {2, 2, 192, 96, 0, 3},  {2, 2, 192, 96, 0, 3},  {2, 2, 192, 96, 0, 3},
      {2, 2, 384, 96, 3, 0},  {3, 2, 576, 128, 3, 3}, {3, 2, 512, 128, 5, 5},
      {3, 2, 512, 128, 0, 5}, {3, 2, 384, 128, 0, 5}, {3, 2, 512, 128, 0, 3},
      {3, 2, 512, 128, 0, 3}, {4, 0, 960, 960, 0, 1},
  };
  return layers;
}

const std::vector<Layer>& medium_layers() {
  static const std::vector<Layer> layers{
      {0, 1, 128, 48, 0, 3},   {1, 2, 192, 80, 3, 5},   {1, 2, 160, 80, 3, 3},
      {2, 2, 480, 160, 3, 5},  {2, 2, 640, 160, 3, 3},  {2, 2, 640, 160, 3, 3},
      {2, 2, 640, 160, 3, 5},  {2, 2, 640, 160, 3, 3},  {2, 2, 640, 160, 3, 0},
      {2, 2, 320, 160, 0, 0},  {2, 2, 640, 160, 3, 0},  {3, 2, 960, 256, 5, 5},
      {3, 2, 1024, 256, 5, 5}, {3, 2, 1024, 256, 3, 5}, {3, 2, 1024, 256, 3, 5},
      {3, 2, 1024, 256, 0, 0}, {3, 2, 1024, 256, 3, 0}, {3, 2, 512, 256, 3, 5},
      {3, 2, 1024, 256, 5, 5}, {3, 2, 1024, 256, 0, 0}, {3, 2, 1024, 256, 0, 0},
      {3, 2, 512, 256, 5, 0},  {4, 0, 960, 960, 0, 1},
  };
  return layers;
}

const std::vector<Layer>& large_layers() {
  static const std::vector<Layer> layers{
      {0, 1, 96, 48, 0, 3},    {1, 2, 192, 96, 3, 5},   {1, 2, 384, 96, 3, 3},
      {2, 2, 384, 192, 3, 5},  {2, 2, 768, 192, 3, 3},  {2, 2, 768, 192, 3, 3},
      {2, 2, 768, 192, 3, 3},  {2, 2, 768, 192, 3, 5},  {2, 2, 768, 192, 5, 3},
      {2, 2, 768, 192, 5, 3},  {2, 2, 768, 192, 5, 3},  {2, 2, 768, 192, 5, 3},
      {2, 2, 768, 192, 5, 3},  {2, 2, 768, 192, 3, 0},  {3, 2, 768, 512, 5, 5},
      {3, 2, 2048, 512, 5, 5}, {3, 2, 2048, 512, 5, 5}, {3, 2, 2048, 512, 5, 5},
      {3, 2, 2048, 512, 5, 0}, {3, 2, 2048, 512, 5, 3}, {3, 2, 2048, 512, 5, 0},
      {3, 2, 2048, 512, 5, 0}, {3, 2, 2048, 512, 5, 3}, {3, 2, 2048, 512, 5, 5},
      {3, 2, 2048, 512, 5, 0}, {3, 2, 2048, 512, 5, 0}, {3, 2, 2048, 512, 5, 0},
      {4, 0, 960, 960, 0, 1},
  };
  return layers;
}

struct Variant {
  const char* arch;
  int64_t stem;
  const std::vector<Layer>& (*layers)();
  int64_t size;
  double crop_ratio;
};
// Sizes and crops are those of timm's first weights for each.
constexpr std::array<Variant, 3> kVariants{{
    {"mobilenetv4_conv_small", 32, small_layers, 224, 0.875},
    {"mobilenetv4_conv_medium", 32, medium_layers, 256, 0.95},
    {"mobilenetv4_conv_large", 24, large_layers, 384, 0.95},
}};

const Variant* find_variant(const std::string& arch) { return entry_named(kVariants, arch); }

Plan plan_of(const Variant& variant) { return {.stem = variant.stem, .layers = variant.layers()}; }

Layer layer_from(const ModelSpec& spec, const nlohmann::json& numbers) {
  const ModelSpec one{.arch = spec.arch, .options = {{"layers", numbers}}};
  const Wholes six = wholes_option(one, "layers", Wholes(6, 0), 0, 16384);
  const Layer layer{six[0], six[1], six[2], six[3], six[4], six[5]};
  if (layer.stage > 7 || layer.kind > kUniversal || layer.hidden < 1 || layer.out < 1 ||
      layer.start > 9 || layer.kernel > 9 || (layer.kind != kUniversal && layer.kernel < 1))
    throw UsageError(
        "layers are of stage, kind, hidden, out, start and kernel, not " + numbers.dump(),
        spec.arch);
  return layer;
}

Plan plan_of(const ModelSpec& spec) {
  if (const Variant* variant = find_variant(spec.arch)) return plan_of(*variant);
  if (spec.arch != kAnyMobileNetV4)
    throw UsageError("no MobileNetV4 is called '" + spec.arch + "'");
  const auto layers = spec.options.find("layers");
  if (layers == spec.options.end()) return plan_of(kVariants.front());
  if (!layers->is_array() || layers->empty() || layers->size() > 256)
    throw UsageError("layers are a list of 1 to 256 lists of six whole numbers", spec.arch);
  Plan plan{.stem = whole_option(spec, "stem", 32, 1, 8192),
            .features = whole_option(spec, "features", 1280, 1, 65536),
            .layers = {}};
  for (const nlohmann::json& numbers : *layers) plan.layers.push_back(layer_from(spec, numbers));
  return plan;
}

ModelSpec spec_of(const Plan& plan) {
  for (const Variant& variant : kVariants)
    if (plan == plan_of(variant)) return {.arch = variant.arch};
  nlohmann::json layers = nlohmann::json::array();
  for (const Layer& each : plan.layers)
    layers.push_back({each.stage, each.kind, each.hidden, each.out, each.start, each.kernel});
  return {
      .arch = kAnyMobileNetV4,
      .options = {{"stem", plan.stem}, {"features", plan.features}, {"layers", std::move(layers)}}};
}

// A convolution and its batch norm, registered with the owner under these names.
struct Unit {
  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  bool activated = true;

  Unit() = default;
  Unit(torch::nn::Module& owner, const std::string& conv_name, const std::string& norm_name,
       const torch::nn::Conv2d& layer, bool active)
      : conv(owner.register_module(conv_name, layer)),
        norm(owner.register_module(norm_name,
                                   torch::nn::BatchNorm2d(layer->options.out_channels()))),
        activated(active) {}

  at::Tensor forward(const at::Tensor& x) {
    return conv_norm(conv, norm, x, activated ? relu_ : nullptr);
  }
};

class Block : public torch::nn::Module, public Residual {
 public:
  Block(const Layer& layer, int64_t in, int64_t stride)
      : residual_(layer.kind != kConv && stride == 1 && in == layer.out) {
    const int64_t hidden = layer.hidden, out = layer.out;
    if (layer.kind == kConv) {
      units_.emplace_back(*this, "conv", "bn1", bare_conv(in, out, layer.kernel, stride), true);
      return;
    }
    if (layer.kind == kFused) {
      units_.emplace_back(*this, "conv_exp", "bn1", bare_conv(in, hidden, layer.kernel, stride),
                          true);
      units_.emplace_back(*this, "conv_pwl", "bn2", bare_conv(hidden, out, 1), false);
      return;
    }
    const auto add = [&](const char* name, const torch::nn::Conv2d& conv, bool active) {
      units_.emplace_back(*register_module(name, std::make_shared<Holder>()), "conv", "bn", conv,
                          active);
    };
    // The later depthwise convolution has the stride.
    if (layer.start > 0)
      add("dw_start", bare_conv(in, in, layer.start, layer.kernel > 0 ? 1 : stride, in), false);
    add("pw_exp", bare_conv(in, hidden, 1), true);
    if (layer.kernel > 0)
      add("dw_mid", bare_conv(hidden, hidden, layer.kernel, stride, hidden), true);
    add("pw_proj", bare_conv(hidden, out, 1), false);
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (Unit& unit : units_) x = unit.forward(x);
    return residual_ ? x.add_(input) : x;
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override {
    return residual_ ? units_.back().norm.get() : nullptr;
  }

 private:
  bool residual_;
  std::vector<Unit> units_;
};

// Options: besides ConvNet's, the sizes of "mobilenetv4", named as in Plan. The features are the
// output of `conv_head` after the pooling, which timm's classifier reads.
class MobileNetV4 : public ConvNet {
 public:
  static constexpr const char* kHead = "classifier";

  explicit MobileNetV4(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Plan plan = plan_of(spec);
    stem_ = Unit(*this, "conv_stem", "bn1", bare_conv(3, plan.stem, 3, 2), true);
    const auto blocks = register_module("blocks", std::make_shared<Holder>());
    int64_t channels = plan.stem, stage = -1, number = 0;
    std::shared_ptr<Holder> holder;
    for (const Layer& layer : plan.layers) {
      const bool first = layer.stage != stage;
      if (first)
        holder = blocks->register_module(std::to_string(layer.stage), std::make_shared<Holder>());
      number = first ? 0 : number + 1;
      stage = layer.stage;
      // Every stage halves the maps except the last, which is a pointwise convolution.
      const int64_t stride = first && !(layer.kind == kConv && layer.kernel == 1) ? 2 : 1;
      blocks_.push_back(holder->register_module(std::to_string(number),
                                                std::make_shared<Block>(layer, channels, stride)));
      channels = layer.out;
    }
    last_ = Unit(*this, "conv_head", "norm_head", bare_conv(channels, plan.features, 1), true);
    adopt_head(*this, kHead, plan.features);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_.forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return last_.forward(at::adaptive_avg_pool2d(x, {1, 1})).flatten(1);
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.interpolation = data::Interpolation::bicubic;
    if (const Variant* variant = find_variant(spec_.arch)) {
      spec.size = variant->size;
      spec.crop_ratio = variant->crop_ratio;
    }
    return spec;
  }

  void initialise() override {
    initialise_by_group_outputs(*this);
    initialise_head();
  }

 protected:
  void initialise_head() override { initialise_by_classes(*head()); }

 private:
  Unit stem_, last_;
  std::vector<std::shared_ptr<Block>> blocks_;
};

Layer read_layer(const Shapes& shapes, int64_t stage, const std::string& block, int64_t in) {
  if (shapes.has(block + ".conv")) {
    const Wholes conv = shapes.of(block + ".conv.weight", 4);
    shapes.require(block + ".conv.weight", {conv[0], in, conv[2], conv[2]});
    return {stage, kConv, conv[0], conv[0], 0, conv[2]};
  }
  if (shapes.has(block + ".conv_exp")) {
    const Wholes conv = shapes.of(block + ".conv_exp.weight", 4);
    const int64_t out = shapes.of(block + ".conv_pwl.weight", 4)[0];
    shapes.require(block + ".conv_exp.weight", {conv[0], in, conv[2], conv[2]});
    shapes.require(block + ".conv_pwl.weight", {out, conv[0], 1, 1});
    return {stage, kFused, conv[0], out, 0, conv[2]};
  }
  const auto kernel = [&](const char* name) {
    return shapes.has(block + "." + name) ? shapes.of(block + "." + name + ".conv.weight", 4)[2]
                                          : 0;
  };
  const Wholes last = shapes.of(block + ".pw_proj.conv.weight", 4);
  shapes.require(block + ".pw_exp.conv.weight", {last[1], in, 1, 1});
  return {stage, kUniversal, last[1], last[0], kernel("dw_start"), kernel("dw_mid")};
}

Plan plan_of(const Shapes& shapes) {
  Plan plan{.stem = shapes.of("conv_stem.weight", 4)[0],
            .features = shapes.of("conv_head.weight", 4)[0],
            .layers = {}};
  for (int64_t stage = 0; stage < std::min<int64_t>(shapes.count("blocks."), 8); ++stage) {
    const std::string blocks = "blocks." + std::to_string(stage) + ".";
    for (int64_t i = 0; i < shapes.count(blocks); ++i)
      plan.layers.push_back(read_layer(shapes, stage, blocks + std::to_string(i),
                                       plan.layers.empty() ? plan.stem : plan.layers.back().out));
  }
  return plan;
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const bool ours = file.contains("conv_stem.weight") && has_part(file, ".pw_proj.conv.");
  if (hints.arch.empty() && !ours) return std::nullopt;
  if (has_part(file, ".attn.key."))
    throw Error("these tensors are a hybrid MobileNetV4's, whose attention retort does not build",
                "", "take a mobilenetv4_conv");
  const Naming naming = public_naming("timm");
  ModelSpec spec = find_variant(hints.arch) != nullptr ? ModelSpec{.arch = hints.arch}
                                                       : spec_of(plan_of(Shapes(file, naming)));
  return recognise_as<MobileNetV4>(std::move(spec), file, naming);
}

RETORT_REGISTER_FAMILY(Family{"mobilenet_v4", arch_names(kAnyMobileNetV4, kVariants),
                              "MobileNetV4-Conv small, medium and large (timm)",
                              make_convnet<MobileNetV4>, recognise});

}  // namespace
}  // namespace retort::models::mobilenet_v4
