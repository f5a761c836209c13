// EfficientNet-Lite 0–4 (Google, 2020: EfficientNet, arXiv 1905.11946, without
// squeeze-and-excitation, with ReLU6, and with the stem and the head not scaled), as timm's
// tf_efficientnet_lite0–4. Read under timm's names and under those of lukemelas'
// EfficientNet-PyTorch.
//
// timm's efficientnet_lite0–4 without "tf_" have the same names and shapes but another padding and
// batch-norm eps. Such a file cannot be told apart, and is computed less exactly.
#include <torch/nn/modules/batchnorm.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"
#include "retort/models/recognise.h"

namespace retort::models::efficientnet_lite {
namespace {

constexpr int kStages = 7;
constexpr int64_t kStemChannels = 32;
constexpr int64_t kFeatures = 1280;
constexpr int64_t kExpansion = 6;  // of all stages but the first, which does not expand
constexpr double kNormEps = 1e-3;

struct Stage {
  int64_t kernel, stride, channels, blocks;
};
constexpr std::array<Stage, kStages> kBase{{{3, 1, 16, 1},
                                            {3, 2, 24, 2},
                                            {5, 2, 40, 2},
                                            {3, 2, 80, 3},
                                            {5, 1, 112, 3},
                                            {5, 2, 192, 4},
                                            {3, 1, 320, 1}}};

// Multipliers and resolutions: github.com/tensorflow/tpu, models/official/efficientnet/lite.
struct Variant {
  const char* arch;
  double width, depth;
  int64_t size;
};
constexpr std::array<Variant, 5> kVariants{{
    {"efficientnet_lite0", 1.0, 1.0, 224},
    {"efficientnet_lite1", 1.0, 1.1, 240},
    {"efficientnet_lite2", 1.1, 1.2, 260},
    {"efficientnet_lite3", 1.2, 1.4, 280},
    {"efficientnet_lite4", 1.4, 1.8, 300},
}};

const Variant& variant_of(const std::string& arch) {
  const auto* found = std::ranges::find(kVariants, arch, &Variant::arch);
  if (found == kVariants.end()) throw UsageError("no EfficientNet-Lite is called '" + arch + "'");
  return *found;
}

std::array<Stage, kStages> stages_of(const Variant& variant) {
  std::array<Stage, kStages> stages = kBase;
  for (int i = 0; i < kStages; ++i) {
    stages[i].channels = round_channels(static_cast<double>(stages[i].channels) * variant.width);
    if (i > 0 && i + 1 < kStages)
      stages[i].blocks =
          static_cast<int64_t>(std::ceil(static_cast<double>(stages[i].blocks) * variant.depth));
  }
  return stages;
}

int64_t blocks_of(const Variant& variant) {
  int64_t blocks = 0;
  for (const Stage& stage : stages_of(variant)) blocks += stage.blocks;
  return blocks;
}

torch::nn::BatchNorm2d norm(int64_t channels) {
  return torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(channels).eps(kNormEps));
}

// A pointwise expansion (except in the first stage), a depthwise convolution and a pointwise
// projection.
class Block : public torch::nn::Module, public Residual {
 public:
  Block(int64_t in, int64_t out, int64_t kernel, int64_t stride, bool expand)
      : residual_(stride == 1 && in == out) {
    const int64_t hidden = expand ? in * kExpansion : in;
    int number = 0;
    const auto next_norm = [&](int64_t channels) {
      return register_module("bn" + std::to_string(++number), norm(channels));
    };
    if (expand) {
      expand_ = register_module("conv_pw", bare_conv(in, hidden, 1));
      expand_norm_ = next_norm(hidden);
    }
    depthwise_ = register_module("conv_dw", bare_conv(hidden, hidden, kernel, stride, hidden));
    depthwise_norm_ = next_norm(hidden);
    project_ = register_module(expand ? "conv_pwl" : "conv_pw", bare_conv(hidden, out, 1));
    project_norm_ = next_norm(out);
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = expand_ ? conv_norm(expand_, expand_norm_, input, relu6_) : input;
    x = conv_same_norm(depthwise_, depthwise_norm_, x, relu6_);
    x = conv_norm(project_, project_norm_, x);
    return residual_ ? x.add_(input) : x;
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override {
    return residual_ ? project_norm_.get() : nullptr;
  }

 private:
  bool residual_;
  torch::nn::Conv2d expand_{nullptr}, depthwise_{nullptr}, project_{nullptr};
  torch::nn::BatchNorm2d expand_norm_{nullptr}, depthwise_norm_{nullptr}, project_norm_{nullptr};
};

bool lukemelas_input(const ModelSpec& spec) {
  const auto option = spec.options.find("input");
  if (option == spec.options.end() || *option == "timm") return false;
  if (*option == "lukemelas") return true;
  throw UsageError("an EfficientNet-Lite's input is \"timm\" or \"lukemelas\", not " +
                   option->dump());
}

// Options: besides ConvNet's, `input`, the scale of the weights' pixels: "timm" (the default) for
// [−1, 1], "lukemelas" for (x − 127) / 128 with x in [0, 255].
class EfficientNetLite : public ConvNet {
 public:
  static constexpr const char* kHead = "classifier";

  explicit EfficientNetLite(const ModelSpec& spec)
      : ConvNet(spec, 0), lukemelas_(lukemelas_input(spec)) {
    stem_ = register_module("conv_stem", bare_conv(3, kStemChannels, 3, 2));
    stem_norm_ = register_module("bn1", norm(kStemChannels));
    const auto blocks = register_module("blocks", std::make_shared<Holder>());
    const auto stages = stages_of(variant_of(spec.arch));
    int64_t channels = kStemChannels;
    for (int s = 0; s < kStages; ++s) {
      const auto stage = blocks->register_module(std::to_string(s), std::make_shared<Holder>());
      for (int64_t i = 0; i < stages[s].blocks; ++i) {
        const int64_t stride = i == 0 ? stages[s].stride : 1;
        blocks_.push_back(stage->register_module(
            std::to_string(i), std::make_shared<Block>(channels, stages[s].channels,
                                                       stages[s].kernel, stride, s > 0)));
        channels = stages[s].channels;
      }
    }
    last_ = register_module("conv_head", bare_conv(channels, kFeatures, 1));
    last_norm_ = register_module("bn2", norm(kFeatures));
    adopt_head(*this, kHead, kFeatures);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = conv_same_norm(stem_, stem_norm_, images, relu6_);
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(conv_norm(last_, last_norm_, x, relu6_));
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.size = variant_of(spec_.arch).size;
    spec.mean.fill(lukemelas_ ? 127.0F / 255 : 0.5F);
    spec.std.fill(lukemelas_ ? 128.0F / 255 : 0.5F);
    spec.interpolation = data::Interpolation::bicubic;
    // TensorFlow's CROP_PADDING is 32 pixels; the ratio is 0.875 to 0.904.
    spec.crop_ratio = static_cast<double>(spec.size) / static_cast<double>(spec.size + 32);
    return spec;
  }

  void initialise() override {
    initialise_by_group_outputs(*this);
    initialise_head();
  }

 protected:
  void initialise_head() override { initialise_by_classes(*head()); }

 private:
  bool lukemelas_;
  torch::nn::Conv2d stem_{nullptr}, last_{nullptr};
  torch::nn::BatchNorm2d stem_norm_{nullptr}, last_norm_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;
};

// Maps our (timm's) module names to lukemelas', which number all blocks in one sequence, and in
// which a block's first batch norm is number 0 only if the block expands.
std::map<std::string, std::string> lukemelas_names(const Variant& variant) {
  std::map<std::string, std::string> names{{"conv_stem", "_conv_stem"},
                                           {"bn1", "_bn0"},
                                           {"conv_head", "_conv_head"},
                                           {"bn2", "_bn1"},
                                           {"classifier", "_fc"}};
  const std::vector<std::array<const char*, 2>> first{{"conv_dw", "_depthwise_conv"},
                                                      {"bn1", "_bn1"},
                                                      {"conv_pw", "_project_conv"},
                                                      {"bn2", "_bn2"}};
  const std::vector<std::array<const char*, 2>> others{
      {"conv_pw", "_expand_conv"},    {"bn1", "_bn0"},
      {"conv_dw", "_depthwise_conv"}, {"bn2", "_bn1"},
      {"conv_pwl", "_project_conv"},  {"bn3", "_bn2"}};
  const auto stages = stages_of(variant);
  int64_t number = 0;
  for (int s = 0; s < kStages; ++s)
    for (int64_t i = 0; i < stages[s].blocks; ++i, ++number)
      for (const auto& [ours, theirs] : s == 0 ? first : others)
        names["blocks." + std::to_string(s) + "." + std::to_string(i) + "." + ours] =
            "_blocks." + std::to_string(number) + "." + theirs;
  return names;
}

Naming naming_of(bool lukemelas, const Variant& variant) {
  if (!lukemelas) return public_naming("timm");
  return {"lukemelas",
          [names = lukemelas_names(variant)](const std::string& ours) { return names.at(ours); }};
}

// The variant with the nearest width of the last convolution and number of blocks. For a damaged
// file it is the one that the message names.
const Variant& nearest_variant(const StateDict& file, bool lukemelas) {
  const auto last = file.find(lukemelas ? "_conv_head.weight" : "conv_head.weight");
  const int64_t width = last != file.end() && last->second.dim() == 4 ? last->second.size(1) : 0;
  const char* depthwise = lukemelas ? "._depthwise_conv.weight" : ".conv_dw.weight";
  const int64_t blocks = std::ranges::count_if(
      file, [&](const auto& item) { return item.first.ends_with(depthwise); });
  const auto distance = [&](const Variant& variant) {
    return std::abs(blocks_of(variant) - blocks) +
           (stages_of(variant).back().channels == width ? 0 : 1000);
  };
  return *std::ranges::min_element(kVariants, {}, distance);
}

// Whether the file has squeeze-and-excitation, so that it is an EfficientNet that is not Lite.
bool squeezes(const StateDict& file) {
  return std::ranges::any_of(file, [](const auto& item) {
    return item.first.find(".se.") != std::string::npos ||
           item.first.find("._se_") != std::string::npos;
  });
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const bool lukemelas =
      file.contains("_conv_stem.weight") || file.contains("_blocks.0._depthwise_conv.weight");
  const bool timm = file.contains("conv_stem.weight") && file.contains("blocks.0.0.conv_dw.weight");
  if (hints.arch.empty() && (!(lukemelas || timm) || squeezes(file))) return std::nullopt;
  const Variant& variant =
      hints.arch.empty() ? nearest_variant(file, lukemelas) : variant_of(hints.arch);
  ModelSpec spec{.arch = variant.arch};
  if (lukemelas) spec.options["input"] = "lukemelas";
  return recognise_as<EfficientNetLite>(std::move(spec), file, naming_of(lukemelas, variant));
}

RETORT_REGISTER_FAMILY(Family{
    "efficientnet_lite",
    {"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3",
     "efficientnet_lite4"},
    "EfficientNet-Lite 0 to 4 (timm's tf_efficientnet_lite, lukemelas' EfficientNet-PyTorch)",
    make_convnet<EfficientNetLite>,
    recognise});

}  // namespace
}  // namespace retort::models::efficientnet_lite
