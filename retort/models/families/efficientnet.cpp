// EfficientNet (Tan & Le 2019, arXiv 1905.11946) and EfficientNetV2 (Tan & Le 2021, arXiv
// 2104.00298) with torchvision's names. Read under those and under timm's (efficientnet_b*,
// tf_efficientnet_b*, tf_efficientnetv2_*, efficientnetv2_rw_*).
//
// TensorFlow's weights ("tf_") need another padding and batch-norm eps than weights of the same
// names and shapes that were trained in PyTorch. A file in timm's naming is assumed to be the one
// that timm publishes: PyTorch's for V1 up to B4, TensorFlow's for all V2 except efficientnetv2_rw,
// unless the user names the architecture.
#include <torch/nn/init.h>

#include "retort/models/conv_layers.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::efficientnet {
namespace {

constexpr const char* kAnyEfficientNet =
    "efficientnet";  // every size is an option; the default is a small V2

enum Kind : int64_t {
  kConv,
  kFused,
  kInverted
};  // the convolutions of a stage's blocks: 3 × 3; 3 × 3 and pointwise; pointwise, depthwise and
    // pointwise

struct Plan {
  int64_t stem = 24, features = 1280;  // channels
  // For each stage: the number of blocks, output channels, kernel sizes, expansion factors, and
  // Kind.
  Wholes depths{}, channels{}, kernels{}, expansions{}, kinds{};
  bool same = false;  // TensorFlow's padding
  double eps = 1e-5;  // of batch norms

  bool operator==(const Plan&) const = default;
};

// The strides of all public variants; small variants of V2 use the first six.
constexpr std::array<int64_t, 7> kStrides{1, 2, 2, 2, 1, 2, 1};
constexpr size_t kMostStages = kStrides.size();

struct Input {
  int64_t size, resized;  // the crop, and the short side that it is cut from
  bool halves = false;    // mean and deviation of 0.5
  data::Interpolation interpolation = data::Interpolation::bicubic;
};
constexpr auto kBilinear = data::Interpolation::bilinear;

struct VariantV1 {
  const char* arch;  // the name with "tf_" before it is TensorFlow's
  double width, depth;
  double eps;  // torchvision's
  Input input, tf_input;
  double dropout;
};
constexpr std::array<VariantV1, 8> kV1{{
    {"efficientnet_b0", 1.0, 1.0, 1e-5, {224, 256}, {224, 256}, 0.2},
    {"efficientnet_b1", 1.0, 1.1, 1e-5, {240, 255, false, kBilinear}, {240, 272}, 0.2},
    {"efficientnet_b2", 1.1, 1.2, 1e-5, {288, 288}, {260, 292}, 0.3},
    {"efficientnet_b3", 1.2, 1.4, 1e-5, {300, 320}, {300, 332}, 0.3},
    {"efficientnet_b4", 1.4, 1.8, 1e-5, {380, 384}, {380, 412}, 0.4},
    {"efficientnet_b5", 1.6, 2.2, 1e-3, {456, 456}, {456, 488}, 0.4},
    {"efficientnet_b6", 1.8, 2.6, 1e-3, {528, 528}, {528, 560}, 0.5},
    {"efficientnet_b7", 2.0, 3.1, 1e-3, {600, 600}, {600, 632}, 0.5},
}};

struct SizesV2 {
  int64_t stem, features;
  Kind first;                                         // of the first stage
  std::array<int64_t, kMostStages> depths, channels;  // 0 where there is no seventh stage
};
constexpr SizesV2 kS{24, 1280, kConv, {2, 4, 4, 6, 9, 15}, {24, 48, 64, 128, 160, 256}};
constexpr SizesV2 kM{24, 1280, kConv, {3, 5, 5, 7, 14, 18, 5}, {24, 48, 80, 160, 176, 304, 512}};
constexpr SizesV2 kL{32, 1280, kConv, {4, 7, 7, 10, 19, 25, 7}, {32, 64, 96, 192, 224, 384, 640}};
constexpr SizesV2 kXl{32, 1280, kConv, {4, 8, 8, 16, 24, 32, 8}, {32, 64, 96, 192, 256, 512, 640}};
constexpr SizesV2 kB0{32, 1280, kConv, {1, 2, 2, 3, 5, 8}, {16, 32, 48, 96, 112, 192}};
constexpr SizesV2 kB1{32, 1280, kConv, {2, 3, 3, 4, 6, 9}, {16, 32, 48, 96, 112, 192}};
constexpr SizesV2 kB2{32, 1408, kConv, {2, 3, 3, 4, 6, 10}, {16, 32, 56, 104, 120, 208}};
constexpr SizesV2 kB3{40, 1536, kConv, {2, 3, 3, 5, 7, 12}, {16, 40, 56, 112, 136, 232}};
constexpr SizesV2 kRwT{24, 1024, kConv, {2, 4, 4, 6, 9, 14}, {24, 40, 48, 104, 128, 208}};
constexpr SizesV2 kRwS{24, 1792, kFused, {2, 4, 4, 6, 9, 15}, {24, 48, 64, 128, 160, 272}};
constexpr SizesV2 kRwM{32, 2152, kFused, {3, 5, 5, 8, 15, 24}, {32, 56, 80, 152, 192, 328}};

// The trainer of the weights, which decides padding and eps.
enum class Origin { torchvision, tensorflow, timm };
struct VariantV2 {
  const char* arch;
  Origin origin;
  SizesV2 sizes;
  Input input;
  double dropout = 0.2;
};
constexpr std::array<VariantV2, 14> kV2{{
    {"efficientnet_v2_s", Origin::torchvision, kS, {384, 384, false, kBilinear}},
    {"efficientnet_v2_m", Origin::torchvision, kM, {480, 480, false, kBilinear}, 0.3},
    {"efficientnet_v2_l", Origin::torchvision, kL, {480, 480, true}, 0.4},
    {"tf_efficientnetv2_s", Origin::tensorflow, kS, {300, 300, true}},
    {"tf_efficientnetv2_m", Origin::tensorflow, kM, {384, 384, true}},
    {"tf_efficientnetv2_l", Origin::tensorflow, kL, {384, 384, true}},
    {"tf_efficientnetv2_xl", Origin::tensorflow, kXl, {384, 384, true}},
    {"tf_efficientnetv2_b0", Origin::tensorflow, kB0, {192, 219}},
    {"tf_efficientnetv2_b1", Origin::tensorflow, kB1, {192, 217}},
    {"tf_efficientnetv2_b2", Origin::tensorflow, kB2, {208, 233}},
    {"tf_efficientnetv2_b3", Origin::tensorflow, kB3, {240, 266, true}},
    {"efficientnetv2_rw_t", Origin::timm, kRwT, {224, 224}},
    {"efficientnetv2_rw_s", Origin::timm, kRwS, {288, 288}},
    {"efficientnetv2_rw_m", Origin::timm, kRwM, {320, 320}},
}};

Plan plan_of(const VariantV1& variant, bool tensorflow) {
  constexpr std::array<int64_t, kMostStages> kDepths{1, 2, 2, 3, 3, 4, 1},
      kChannels{16, 24, 40, 80, 112, 192, 320};
  const auto widened = [&](int64_t count) {
    return round_channels(static_cast<double>(count) * variant.width);
  };
  Plan plan{.stem = widened(32),
            .features = widened(1280),
            .depths = {},
            .channels = {},
            .kernels = {3, 3, 5, 3, 5, 5, 3},
            .expansions = {1, 6, 6, 6, 6, 6, 6},
            .kinds = Wholes(kMostStages, kInverted),
            .same = tensorflow,
            .eps = tensorflow ? 1e-3 : variant.eps};
  for (size_t s = 0; s < kMostStages; ++s) {
    plan.depths.push_back(
        static_cast<int64_t>(std::ceil(static_cast<double>(kDepths[s]) * variant.depth)));
    plan.channels.push_back(widened(kChannels[s]));
  }
  return plan;
}

Plan plan_of(const VariantV2& variant) {
  Plan plan{
      .stem = variant.sizes.stem,
      .features = variant.sizes.features,
      .depths = {},
      .channels = {},
      .kernels = {},
      .expansions = {1, 4, 4, 4, 6, 6, 6},
      .kinds = {variant.sizes.first, kFused, kFused, kInverted, kInverted, kInverted, kInverted},
      .same = variant.origin == Origin::tensorflow,
      .eps = variant.origin == Origin::timm ? 1e-5 : 1e-3};
  for (size_t s = 0; s < kMostStages && variant.sizes.depths[s] > 0; ++s) {
    plan.depths.push_back(variant.sizes.depths[s]);
    plan.channels.push_back(variant.sizes.channels[s]);
    plan.kernels.push_back(3);
  }
  plan.expansions.resize(plan.depths.size());
  plan.kinds.resize(plan.depths.size());
  return plan;
}

struct Named {
  std::string arch;
  Plan plan;
  Input input;
  double dropout;
};

const std::vector<Named>& named_variants() {
  static const std::vector<Named> all = [] {
    std::vector<Named> made;
    for (const bool tensorflow : {false, true})
      for (const VariantV1& each : kV1)
        made.push_back({(tensorflow ? "tf_" : "") + std::string(each.arch),
                        plan_of(each, tensorflow), tensorflow ? each.tf_input : each.input,
                        each.dropout});
    for (const VariantV2& each : kV2)
      made.push_back({each.arch, plan_of(each), each.input, each.dropout});
    return made;
  }();
  return all;
}

const Named* find_named(const std::string& arch) { return entry_named(named_variants(), arch); }

Plan plan_of(const ModelSpec& spec) {
  if (const Named* named = find_named(spec.arch)) return named->plan;
  if (spec.arch != kAnyEfficientNet)
    throw UsageError("no EfficientNet is called '" + spec.arch + "'");
  const auto depths = spec.options.find("depths");
  if (depths == spec.options.end()) return named_variants().at(kV1.size() * 2).plan;
  const size_t stages = depths->is_array() ? depths->size() : 0;
  if (stages < 1 || stages > kMostStages)
    throw UsageError("depths are of 1 to 7 stages, not " + depths->dump(), spec.arch);
  const auto list = [&](const char* key, int64_t otherwise, int64_t low, int64_t high) {
    return wholes_option(spec, key, Wholes(stages, otherwise), low, high);
  };
  const Plan otherwise;
  Plan plan{.stem = whole_option(spec, "stem", otherwise.stem, 1, 8192),
            .features = whole_option(spec, "features", otherwise.features, 1, 65536),
            .depths = list("depths", 1, 1, 256),
            .channels = list("channels", 32, 1, 8192),
            .kernels = list("kernels", 3, 1, 7),
            .expansions = list("expansions", 4, 1, 16),
            .kinds = list("kinds", kInverted, kConv, kInverted),
            .same = flag_option(spec, "same", otherwise.same),
            .eps = rate_option(spec, "eps", otherwise.eps)};
  return plan;
}

ModelSpec spec_of(const Plan& plan) {
  for (const Named& each : named_variants())
    if (each.plan == plan) return {.arch = each.arch};
  return {.arch = kAnyEfficientNet,
          .options = {{"stem", plan.stem},
                      {"features", plan.features},
                      {"depths", plan.depths},
                      {"channels", plan.channels},
                      {"kernels", plan.kernels},
                      {"expansions", plan.expansions},
                      {"kinds", plan.kinds},
                      {"same", plan.same},
                      {"eps", plan.eps}}};
}

// torchvision's FusedMBConv. It has a projection only where `project` is set.
class FusedResidual : public torch::nn::Module, public Residual {
 public:
  FusedResidual(const InvertedResidual::Options& options, bool project)
      : residual_(options.stride == 1 && options.in == options.out), drop_(options.drop) {
    const auto block = register_module("block", std::make_shared<Holder>());
    const auto layer = [&](int64_t in, int64_t out, int64_t kernel, int64_t stride,
                           Activation activation) {
      return std::make_shared<ConvNormActivation>(bare_conv(in, out, kernel, stride), activation,
                                                  options.norm, options.same);
    };
    expand_ = block->register_module("0", layer(options.in, project ? options.hidden : options.out,
                                                options.kernel, options.stride, at::silu));
    if (project)
      project_ = block->register_module("1", layer(options.hidden, options.out, 1, 1, nullptr));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = expand_->forward(input);
    if (project_) x = project_->forward(x);
    if (!residual_) return x;
    if (is_training() && drop_ > 0) x = drop_branches(x, drop_);
    return x.add_(input);
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override {
    return residual_ ? (project_ ? project_ : expand_)->norm() : nullptr;
  }

 private:
  bool residual_;
  double drop_;
  std::shared_ptr<ConvNormActivation> expand_, project_;
};

double dropout_of(const std::string& arch) {
  const Named* named = find_named(arch);
  return named == nullptr ? 0.2 : named->dropout;
}

// Options: besides ConvNet's, `stochastic_depth`, in [0, 1), 0.2 by default: the probability that
// training drops an image's branch rises in proportion to the block's number to nearly this; and
// the sizes of "efficientnet", named as in Plan.
class EfficientNet : public ConvNet {
 public:
  static constexpr const char* kHead =
      "classifier.1";  // torchvision's "classifier.0" is the dropout

  explicit EfficientNet(const ModelSpec& spec) : ConvNet(spec, dropout_of(spec.arch)) {
    const Plan plan = plan_of(spec);
    const double stochastic_depth = rate_option(spec, "stochastic_depth", 0.2);
    const NormOptions norm{.eps = plan.eps};
    double blocks = 0;
    for (const int64_t depth : plan.depths) blocks += static_cast<double>(depth);
    const auto features = register_module("features", std::make_shared<Holder>());
    int number = 0;
    const auto add = [&](auto module) {
      return features->register_module(std::to_string(number++), std::move(module));
    };
    stem_ = add(std::make_shared<ConvNormActivation>(bare_conv(3, plan.stem, 3, 2), at::silu, norm,
                                                     plan.same));
    int64_t channels = plan.stem;
    for (size_t s = 0; s < plan.depths.size(); ++s) {
      const auto stage = add(std::make_shared<Holder>());
      for (int64_t i = 0; i < plan.depths[s]; ++i) {
        add_block(*stage, std::to_string(i), plan.kinds[s],
                  {.in = channels,
                   .hidden = channels * plan.expansions[s],
                   .out = plan.channels[s],
                   .kernel = plan.kernels[s],
                   .stride = i == 0 ? kStrides[s] : 1,
                   .squeezed = std::max<int64_t>(channels / 4, 1),
                   .activation = at::silu,
                   .squeeze_activation = at::silu,
                   .norm = norm,
                   .same = plan.same,
                   .drop = stochastic_depth * static_cast<double>(blocks_.size()) / blocks});
        channels = plan.channels[s];
      }
    }
    last_ = add(std::make_shared<ConvNormActivation>(bare_conv(channels, plan.features, 1),
                                                     at::silu, norm));
    adopt_head(*register_module("classifier", std::make_shared<Holder>()), "1", plan.features);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block(x);
    return average_pool(last_->forward(x));
  }

  data::InputSpec own_input_spec() const override {
    const Named* named = find_named(spec_.arch);
    const Input input = named == nullptr ? Input{224, 256} : named->input;
    data::InputSpec spec;
    spec.size = input.size;
    spec.crop_ratio = static_cast<double>(input.size) / static_cast<double>(input.resized);
    spec.interpolation = input.interpolation;
    if (input.halves) spec.mean = spec.std = {0.5F, 0.5F, 0.5F};
    return spec;
  }

  void initialise() override {
    for (auto* conv : convolutions_of(*this)) {
      torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut);
      if (conv->bias.defined()) torch::nn::init::zeros_(conv->bias);
    }
    initialise_head();
  }

 protected:
  void initialise_head() override { initialise_by_classes(*head()); }

 private:
  void add_block(torch::nn::Module& stage, const std::string& name, int64_t kind,
                 const InvertedResidual::Options& options) {
    if (kind == kInverted) {
      const auto block = stage.register_module(name, std::make_shared<InvertedResidual>(options));
      blocks_.emplace_back([block](const at::Tensor& x) { return block->forward(x); });
    } else {
      const auto block =
          stage.register_module(name, std::make_shared<FusedResidual>(options, kind == kFused));
      blocks_.emplace_back([block](const at::Tensor& x) { return block->forward(x); });
    }
  }

  std::shared_ptr<ConvNormActivation> stem_, last_;
  std::vector<std::function<at::Tensor(const at::Tensor&)>> blocks_;
};

// timm's names of the parts of a block, in torchvision's numbering. A part is a convolution and its
// batch norm, or squeeze-and-excitation's two convolutions.
using Parts = std::vector<std::array<std::string, 2>>;
Parts timm_parts(const Shapes& shapes, const std::string& first_block) {
  const auto has = [&](const char* module) { return shapes.has(first_block + module); };
  if (has("conv")) return {{"conv", "bn1"}};
  if (has("conv_exp")) return {{"conv_exp", "bn1"}, {"conv_pwl", "bn2"}};
  const std::array<std::string, 2> squeeze{"se.conv_reduce", "se.conv_expand"};
  if (has("conv_pwl") || has("bn3"))
    return {{"conv_pw", "bn1"}, {"conv_dw", "bn2"}, squeeze, {"conv_pwl", "bn3"}};
  return {{"conv_dw", "bn1"}, squeeze, {"conv_pw", "bn2"}};
}

int64_t timm_stages(const StateDict& file) {
  return Shapes(file, public_naming("timm")).count("blocks.");
}

Naming timm_naming(const StateDict& file) {
  const Naming as_it_is = public_naming("timm");
  const Shapes shapes(file, as_it_is);
  std::vector<Parts> parts;
  for (int64_t s = 0; s < timm_stages(file); ++s)
    parts.push_back(timm_parts(shapes, "blocks." + std::to_string(s) + ".0."));
  return {"timm", [parts](const std::string& ours) -> std::string {
            if (ours == "classifier.1") return "classifier";
            const std::vector<std::string> name = split_name(ours);
            const auto stage = static_cast<size_t>(std::stoll(name.at(1)));
            if (name.size() == 2)
              return stage == 0             ? "conv_stem"
                     : stage > parts.size() ? "conv_head"
                                            : "blocks." + std::to_string(stage - 1);
            if (stage == 0) return name.at(2) == "0" ? "conv_stem" : "bn1";
            if (stage > parts.size()) return name.at(2) == "0" ? "conv_head" : "bn2";
            std::string block = "blocks." + std::to_string(stage - 1) + "." + name.at(2);
            if (name.size() == 3) return block;
            const auto part = static_cast<size_t>(std::stoll(name.at(4)));
            // A part that this kind of block does not have is in no file.
            if (part >= parts[stage - 1].size()) return block + "." + name.at(4);
            if (name.size() == 5) return block + "." + parts[stage - 1][part][0];
            return block + "." +
                   parts[stage - 1][part][name.at(5) == "0" || name.at(5) == "fc1" ? 0 : 1];
          }};
}

void read_stage(const Shapes& shapes, const std::string& stage, Plan& plan) {
  const int64_t in = plan.channels.empty() ? plan.stem : plan.channels.back();
  const auto weight = [&](const char* layer) {
    return shapes.of(stage + "0.block." + layer + ".0.weight", 4);
  };
  const Wholes first = weight("0");
  const bool depthwise_first = first[1] == 1 && first[0] == in && first[2] > 1;
  Wholes last = first;
  if (depthwise_first || first[2] == 1) {
    plan.kinds.push_back(kInverted);
    plan.kernels.push_back(depthwise_first ? first[2] : weight("1")[2]);
    last = weight(depthwise_first ? "2" : "3");
  } else {
    plan.kinds.push_back(shapes.has(stage + "0.block.1") ? kFused : kConv);
    plan.kernels.push_back(first[2]);
    if (plan.kinds.back() == kFused) last = weight("1");
  }
  plan.expansions.push_back(plan.kinds.back() == kConv ? 1 : std::max<int64_t>(first[0] / in, 1));
  plan.channels.push_back(last[0]);
  plan.depths.push_back(shapes.count(stage));
  const int64_t channels = last[0], expansion = plan.expansions.back();
  for (int64_t i = 0; i < plan.depths.back(); ++i) {
    const std::string block = stage + std::to_string(i) + ".block.";
    const int64_t entering = i == 0 ? in : channels, hidden = entering * expansion;
    if (plan.kinds.back() == kInverted) {
      if (!depthwise_first) shapes.require(block + "0.0.weight", {hidden, entering, 1, 1});
      shapes.require(block + (depthwise_first ? "2" : "3") + ".0.weight", {channels, hidden, 1, 1});
    } else {
      shapes.require(block + "0.0.weight", {plan.kinds.back() == kConv ? channels : hidden,
                                            entering, first[2], first[2]});
      if (plan.kinds.back() == kFused)
        shapes.require(block + "1.0.weight", {channels, hidden, 1, 1});
    }
  }
}

Plan read_plan(const Shapes& shapes, int64_t stages) {
  Plan plan{.stem = shapes.of("features.0.0.weight", 4)[0]};
  for (int64_t s = 1; s <= stages; ++s)
    read_stage(shapes, "features." + std::to_string(s) + ".", plan);
  const std::string last = "features." + std::to_string(stages + 1) + ".0.weight";
  plan.features = shapes.of(last, 4)[0];
  shapes.require(last, {plan.features, plan.channels.back(), 1, 1});
  return plan;
}

// Sets the padding and eps, which shapes do not show, to those of the public weights of these
// sizes.
void settle(Plan& plan, bool timm) {
  const auto same_sizes = [&](const Named& named) {
    Plan other = named.plan;
    other.same = plan.same;
    other.eps = plan.eps;
    return other == plan;
  };
  const bool v1 = std::ranges::all_of(plan.kinds, [](int64_t kind) { return kind == kInverted; });
  constexpr int64_t kFeaturesOfB4 = 1792;
  const bool small = v1 && plan.features <= kFeaturesOfB4;
  // Only efficientnetv2_rw projects in its first stage (s, m) or has these sizes (t).
  const bool rw = plan.kinds.front() == kFused ||
                  std::ranges::any_of(named_variants(), [&](const Named& named) {
                    return named.arch.starts_with("efficientnetv2_rw") && same_sizes(named);
                  });
  plan.eps = small || (timm && rw) ? 1e-5 : 1e-3;
  plan.same = timm && !small && !rw;
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const bool torchvision =
      file.contains("features.0.0.weight") && file.contains("features.1.0.block.0.0.weight");
  // EfficientNet-Lite has timm's names too, but no squeeze-and-excitation; MobileNetV4 and
  // MobileNetV3 have no `bn2`. Other networks with these names (MnasNet, MixNet) do not begin with
  // squeeze-and-excitation or a single convolution.
  const bool first = has_part(file, "blocks.0.0.se.conv_") ||
                     file.contains("blocks.0.0.conv.weight") ||
                     file.contains("blocks.0.0.conv_exp.weight");
  const bool timm = file.contains("conv_stem.weight") && has_part(file, ".se.conv_") && first &&
                    file.contains("bn2.running_mean");
  if (hints.arch.empty() && !torchvision && !timm) return std::nullopt;
  const Naming naming = timm ? timm_naming(file) : public_naming("torchvision");
  ModelSpec spec{.arch = hints.arch};
  // A file of timm whose name torchvision also has may have another epsilon.
  const bool described =
      timm && hints.library == "timm" && (hints.arch.empty() || hints.arch == hints.name);
  if (find_named(hints.arch) == nullptr || described) {
    const Shapes shapes(file, naming);
    const int64_t stages = timm ? timm_stages(file) : shapes.count("features.") - 2;
    if (stages < 1 || stages > static_cast<int64_t>(kMostStages))
      throw Error("an EfficientNet has 1 to 7 stages, these tensors " + std::to_string(stages));
    Plan plan = read_plan(shapes, stages);
    if (described) {
      plan.same = hints.name.starts_with("tf_");
      plan.eps = plan.same ? 1e-3 : 1e-5;
    } else {
      settle(plan, timm);
    }
    spec = spec_of(plan);
  }
  return recognise_as<EfficientNet>(std::move(spec), file, naming);
}

RETORT_REGISTER_FAMILY(Family{
    "efficientnet", arch_names(kAnyEfficientNet, named_variants()),
    "EfficientNet B0 to B7 and V2 (torchvision; timm's tf_ and rw ones too)",
    make_convnet<EfficientNet>, recognise});

}  // namespace
}  // namespace retort::models::efficientnet
