// ResNet (He et al. 2015, arXiv 1512.03385), ResNeXt (Xie et al. 2016, arXiv 1611.05431) and Wide
// ResNet (Zagoruyko & Komodakis 2016, arXiv 1605.07146) as torchvision has them: the stride of a
// bottleneck sits in its 3 × 3 convolution ("v1.5"). Read under torchvision's names, which are
// timm's too, and under transformers'.
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>

#include "retort/core/error.h"
#include "retort/models/convnet.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"
#include "retort/models/residual.h"

namespace retort::models::resnet {
namespace {

constexpr size_t kStages = 4;
constexpr const char* kAnyResNet = "resnet";  // every size is an option; the default is resnet18

struct Plan {
  bool bottleneck = false;
  int64_t groups = 1;               // of each bottleneck's 3 × 3 convolution
  int64_t stem = 64;                // channels
  Wholes depths{2, 2, 2, 2};        // blocks of each stage
  Wholes inner{64, 128, 256, 512};  // channels inside the blocks of each stage
  Wholes outer{64, 128, 256, 512};  // and after them

  bool operator==(const Plan&) const = default;
};

struct Variant {
  const char* arch;
  bool bottleneck;
  std::array<int64_t, kStages> depths;
  int64_t groups = 1, group_width = 64;  // channels of each group in the first stage
  int64_t resized = 256;  // the short side at 224 px; 232 for torchvision's newer default weights
};

constexpr std::array<Variant, 10> kVariants{{
    {"resnet18", false, {2, 2, 2, 2}},
    {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},
    {"resnet152", true, {3, 8, 36, 3}, 1, 64, 232},
    {"resnext50_32x4d", true, {3, 4, 6, 3}, 32, 4, 232},
    {"resnext101_32x8d", true, {3, 4, 23, 3}, 32, 8, 232},
    {"resnext101_64x4d", true, {3, 4, 23, 3}, 64, 4, 232},
    {"wide_resnet50_2", true, {3, 4, 6, 3}, 1, 128, 232},
    {"wide_resnet101_2", true, {3, 4, 23, 3}, 1, 128, 232},
}};

const Variant* find_variant(const std::string& arch) { return entry_named(kVariants, arch); }

Plan plan_of(const Variant& variant) {
  Plan plan{.bottleneck = variant.bottleneck,
            .groups = variant.groups,
            .stem = 64,
            .depths = {variant.depths.begin(), variant.depths.end()},
            .inner = {},
            .outer = {}};
  for (size_t stage = 0; stage < kStages; ++stage) {
    plan.inner.push_back((variant.groups * variant.group_width) << stage);
    plan.outer.push_back(int64_t{variant.bottleneck ? 256 : 64} << stage);
  }
  return plan;
}

Plan plan_of(const ModelSpec& spec) {
  if (const Variant* variant = find_variant(spec.arch)) return plan_of(*variant);
  if (spec.arch != kAnyResNet) throw UsageError("no ResNet is called '" + spec.arch + "'");
  const Plan otherwise;
  Plan plan{.bottleneck = flag_option(spec, "bottleneck", otherwise.bottleneck),
            .groups = whole_option(spec, "groups", otherwise.groups, 1, 8192),
            .stem = whole_option(spec, "stem", otherwise.stem, 1, 8192),
            .depths = wholes_option(spec, "depths", otherwise.depths, 1, 256),
            .inner = wholes_option(spec, "inner", otherwise.inner, 1, 8192),
            .outer = wholes_option(spec, "outer", otherwise.outer, 1, 8192)};
  if (!plan.bottleneck && plan.inner != plan.outer)
    throw UsageError("without bottlenecks, inner and outer are the same", spec.arch);
  for (const int64_t inner : plan.inner)
    if (inner % plan.groups != 0)
      throw UsageError(std::to_string(inner) + " channels do not divide into " +
                           std::to_string(plan.groups) + " groups",
                       spec.arch);
  return plan;
}

ModelSpec spec_of(const Plan& plan) {
  for (const Variant& variant : kVariants)
    if (plan == plan_of(variant)) return {.arch = variant.arch};
  return {.arch = kAnyResNet,
          .options = {{"bottleneck", plan.bottleneck},
                      {"groups", plan.groups},
                      {"stem", plan.stem},
                      {"depths", plan.depths},
                      {"inner", plan.inner},
                      {"outer", plan.outer}}};
}

// Two convolutions with batch norm and ReLU (3 × 3, 3 × 3) or, as a bottleneck, three (1 × 1, 3 ×
// 3, 1 × 1), plus the shortcut.
class Block : public torch::nn::Module, public Residual {
 public:
  Block(const Plan& plan, size_t stage, int64_t in, int64_t stride) {
    const int64_t inner = plan.inner[stage], out = plan.outer[stage];
    if (plan.bottleneck) {
      add(in, inner, 1);
      add(inner, inner, 3, stride, plan.groups);
      add(inner, out, 1);
    } else {
      add(in, inner, 3, stride);
      add(inner, out, 3);
    }
    if (stride == 1 && in == out) return;
    const auto downsample = register_module("downsample", std::make_shared<Holder>());
    shortcut_conv_ = downsample->register_module("0", bare_conv(in, out, 1, stride));
    shortcut_norm_ = downsample->register_module("1", torch::nn::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (size_t i = 0; i < convs_.size(); ++i)
      x = conv_norm(convs_[i], norms_[i], x, i + 1 < convs_.size() ? relu_ : nullptr);
    return x.add_(shortcut_conv_ ? conv_norm(shortcut_conv_, shortcut_norm_, input) : input)
        .relu_();
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override { return norms_.back().get(); }

 private:
  void add(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
    const std::string number = std::to_string(convs_.size() + 1);
    convs_.emplace_back(
        register_module("conv" + number, bare_conv(in, out, kernel, stride, groups)));
    norms_.emplace_back(register_module("bn" + number, torch::nn::BatchNorm2d(out)));
  }

  std::vector<torch::nn::Conv2d> convs_;
  std::vector<torch::nn::BatchNorm2d> norms_;
  torch::nn::Conv2d shortcut_conv_{nullptr};
  torch::nn::BatchNorm2d shortcut_norm_{nullptr};
};

// Options: besides ConvNet's, the sizes of "resnet", named as in Plan.
class ResNet : public ConvNet {
 public:
  static constexpr const char* kHead = "fc";

  explicit ResNet(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Plan plan = plan_of(spec);
    stem_ = register_module("conv1", bare_conv(3, plan.stem, 7, 2));
    stem_norm_ = register_module("bn1", torch::nn::BatchNorm2d(plan.stem));
    int64_t channels = plan.stem;
    for (size_t stage = 0; stage < kStages; ++stage) {
      const auto layer =
          register_module("layer" + std::to_string(stage + 1), std::make_shared<Holder>());
      for (int64_t i = 0; i < plan.depths[stage]; ++i) {
        const int64_t stride = i == 0 && stage > 0 ? 2 : 1;
        blocks_.push_back(layer->register_module(
            std::to_string(i), std::make_shared<Block>(plan, stage, channels, stride)));
        channels = plan.outer[stage];
      }
    }
    adopt_head(*this, kHead, channels);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = conv_norm(stem_, stem_norm_, images, relu_);
    x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(x);
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    if (const Variant* variant = find_variant(spec_.arch))
      spec.crop_ratio = static_cast<double>(spec.size) / static_cast<double>(variant->resized);
    return spec;
  }

  void initialise() override {
    for (auto* conv : convolutions_of(*this))
      torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
  }

 protected:
  void initialise_head() override {}  // the default of a linear layer stays

 private:
  torch::nn::Conv2d stem_{nullptr};
  torch::nn::BatchNorm2d stem_norm_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;
};

// transformers' ResNetModel; ResNetForImageClassification has `resnet.` before all but its
// classifier.
Naming transformers_naming(const std::string& prefix) {
  return {"transformers", [prefix](const std::string& ours) {
            const std::vector<std::string> parts = split_name(ours);
            if (ours == "fc") return std::string("classifier.1");
            if (ours == "conv1") return prefix + "embedder.embedder.convolution";
            if (ours == "bn1") return prefix + "embedder.embedder.normalization";
            // `ours` is "layer1.0.conv2", "layer1.0.bn2", "layer1.0.downsample.1", or such a name
            // up to the block.
            std::string name = prefix + "encoder.stages." + std::to_string(parts[0].back() - '1') +
                               ".layers." + parts.at(1);
            if (parts.size() == 2) return name;
            if (parts[2] == "downsample")
              return name +
                     (parts.at(3) == "0" ? ".shortcut.convolution" : ".shortcut.normalization");
            name += ".layer." + std::to_string(parts[2].back() - '1');
            return name + (parts[2].starts_with("conv") ? ".convolution" : ".normalization");
          }};
}

std::optional<Naming> naming_of(const StateDict& file) {
  if (file.contains("layer1.0.conv1.weight") && file.contains("layer1.0.bn1.weight"))
    return public_naming("torchvision");
  for (const std::string prefix : {"resnet.", ""}) {
    const std::string block = prefix + "encoder.stages.0.layers.0.layer.";
    if (!file.contains(block + "0.convolution.weight") ||
        !file.contains(block + "1.convolution.weight"))
      continue;
    // RegNet has the same names, but a stem of 3 × 3.
    const auto stem = file.find(prefix + "embedder.embedder.convolution.weight");
    if (stem == file.end() || stem->second.dim() != 4 || stem->second.size(3) == 7)
      return transformers_naming(prefix);
  }
  return std::nullopt;
}

Plan plan_of(const Shapes& shapes) {
  Plan plan{.bottleneck = shapes.has("layer1.0.conv3") || shapes.has("layer1.0.bn3"),
            .stem = shapes.of("conv1.weight", 4)[0],
            .depths = {},
            .inner = {},
            .outer = {}};
  for (size_t stage = 1; stage <= kStages; ++stage) {
    const std::string layer = "layer" + std::to_string(stage) + ".";
    plan.depths.push_back(shapes.count(layer));
    const Wholes second = shapes.of(layer + "0.conv2.weight", 4);
    plan.inner.push_back(second[0]);
    if (stage == 1) plan.groups = std::max<int64_t>(1, second[0] / second[1]);
    plan.outer.push_back(plan.bottleneck ? shapes.of(layer + "0.conv3.weight", 4)[0] : second[0]);
    const int64_t in = stage == 1 ? plan.stem : plan.outer[stage - 2],
                  kernel = plan.bottleneck ? 1 : 3;
    for (int64_t i = 0; i < plan.depths.back(); ++i) {
      const std::string block = layer + std::to_string(i);
      shapes.require(block + ".conv1.weight",
                     {plan.inner.back(), i == 0 ? in : plan.outer.back(), kernel, kernel});
      shapes.require(block + ".conv2.weight", second);
      if (plan.bottleneck)
        shapes.require(block + ".conv3.weight", {plan.outer.back(), plan.inner.back(), 1, 1});
    }
  }
  return plan;
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const std::optional<Naming> naming = naming_of(file);
  if (hints.arch.empty() && !naming) return std::nullopt;
  const Naming names = naming.value_or(public_naming("torchvision"));
  ModelSpec spec = find_variant(hints.arch) != nullptr ? ModelSpec{.arch = hints.arch}
                                                       : spec_of(plan_of(Shapes(file, names)));
  if (names.name == "transformers") {  // the input of microsoft/resnet-50's image processor
    data::InputSpec input;
    input.interpolation = data::Interpolation::bicubic;
    spec.options["preprocess"] = data::to_json(input);
  }
  return recognise_as<ResNet>(std::move(spec), file, names);
}

RETORT_REGISTER_FAMILY(Family{
    "resnet", arch_names(kAnyResNet, kVariants),
    "ResNet, ResNeXt and Wide ResNet (torchvision; timm's classic ones; transformers)",
    make_convnet<ResNet>, recognise});

}  // namespace
}  // namespace retort::models::resnet
