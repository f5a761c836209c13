// MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) as torchvision has it.
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::mobilenet_v2 {
namespace {

struct Stage {
  int64_t expansion, channels, blocks, stride;
};
constexpr std::array<Stage, 7> kStages{{{1, 16, 1, 1},
                                        {6, 24, 2, 2},
                                        {6, 32, 3, 2},
                                        {6, 64, 4, 2},
                                        {6, 96, 3, 1},
                                        {6, 160, 3, 2},
                                        {6, 320, 1, 1}}};
constexpr int64_t kStemChannels = 32;
constexpr int64_t kFeatures = 1280;

struct Variant {
  const char* arch;
  double width;
};
constexpr std::array<Variant, 5> kVariants{{
    {"mobilenet_v2", 1.0},
    {"mobilenet_v2_0.35", 0.35},
    {"mobilenet_v2_0.5", 0.5},
    {"mobilenet_v2_0.75", 0.75},
    {"mobilenet_v2_1.4", 1.4},
}};

const Variant& variant_of(const std::string& arch) {
  const auto* found = std::ranges::find(kVariants, arch, &Variant::arch);
  if (found == kVariants.end()) throw UsageError("no MobileNetV2 is called '" + arch + "'");
  return *found;
}

int64_t widened(int64_t channels, double width) {
  return round_channels(static_cast<double>(channels) * width);
}

std::shared_ptr<ConvNormActivation> layer(int64_t in, int64_t out, int64_t kernel,
                                          int64_t stride = 1, int64_t groups = 1) {
  return std::make_shared<ConvNormActivation>(bare_conv(in, out, kernel, stride, groups), relu6_);
}

class Block : public torch::nn::Module, public Residual {
 public:
  Block(int64_t in, int64_t out, int64_t expansion, int64_t stride)
      : residual_(stride == 1 && in == out) {
    const auto list = register_module("conv", std::make_shared<Holder>());
    const int64_t hidden = in * expansion;
    if (expansion != 1) list->register_module("0", layers_.emplace_back(layer(in, hidden, 1)));
    const size_t depthwise = layers_.size();
    list->register_module(std::to_string(depthwise),
                          layers_.emplace_back(layer(hidden, hidden, 3, stride, hidden)));
    project_ = list->register_module(std::to_string(depthwise + 1), bare_conv(hidden, out, 1));
    norm_ = list->register_module(std::to_string(depthwise + 2), torch::nn::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (const auto& each : layers_) x = each->forward(x);
    x = conv_norm(project_, norm_, x);
    return residual_ ? x.add_(input) : x;
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override { return residual_ ? norm_.get() : nullptr; }

 private:
  bool residual_;
  std::vector<std::shared_ptr<ConvNormActivation>> layers_;
  torch::nn::Conv2d project_{nullptr};
  torch::nn::BatchNorm2d norm_{nullptr};
};

class MobileNetV2 : public ConvNet {
 public:
  static constexpr const char* kHead =
      "classifier.1";  // torchvision's "classifier.0" is the dropout

  explicit MobileNetV2(const ModelSpec& spec) : ConvNet(spec, 0.2) {
    const double width = variant_of(spec.arch).width;
    const auto features = register_module("features", std::make_shared<Holder>());
    int64_t channels = widened(kStemChannels, width);
    stem_ = features->register_module("0", layer(3, channels, 3, 2));
    for (const Stage& stage : kStages) {
      for (int64_t i = 0; i < stage.blocks; ++i) {
        const std::string name = std::to_string(blocks_.size() + 1);
        const int64_t out = widened(stage.channels, width);
        blocks_.push_back(features->register_module(
            name,
            std::make_shared<Block>(channels, out, stage.expansion, i == 0 ? stage.stride : 1)));
        channels = out;
      }
    }
    const int64_t dim = widened(kFeatures, std::max(1.0, width));
    last_ = features->register_module(std::to_string(blocks_.size() + 1), layer(channels, dim, 1));
    adopt_head(*register_module("classifier", std::make_shared<Holder>()), "1", dim);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(last_->forward(x));
  }

  data::InputSpec own_input_spec() const override { return {}; }

  void initialise() override {
    for (auto* conv : convolutions_of(*this))
      torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut);
    initialise_head();
  }

 protected:
  void initialise_head() override {
    torch::nn::init::normal_(head()->weight, 0, 0.01);
    torch::nn::init::zeros_(head()->bias);
  }

 private:
  std::shared_ptr<ConvNormActivation> stem_, last_;
  std::vector<std::shared_ptr<Block>> blocks_;
};

// The variant with the nearest width of the last stage. For a damaged file it is the one that the
// message names.
const Variant& nearest_variant(const StateDict& file) {
  const auto last = file.find("features.18.0.weight");
  const int64_t channels = last != file.end() && last->second.dim() == 4 ? last->second.size(1)
                                                                         : kStages.back().channels;
  return *std::ranges::min_element(kVariants, {}, [&](const Variant& variant) {
    return std::abs(widened(kStages.back().channels, variant.width) - channels);
  });
}

// The names of pytorch-mobilenet-v2, and of torchvision until 0.4, which number a block's layers
// and activations in one sequence: "features.2.conv.1.0" is "features.2.conv.3" there.
std::string name_in_a_row(const std::string& ours, bool bare_head) {
  if (ours == MobileNetV2::kHead) return bare_head ? "classifier" : ours;
  const std::vector<std::string> parts = split_name(ours);
  if (parts.size() < 4 || parts[2] != "conv") return ours;
  const int64_t last = parts[1] == "1" ? 1 : 2, at = std::stoll(parts[3]);
  const int64_t place = parts.size() == 5 ? 3 * at + std::stoll(parts[4]) : 3 * last + at - last;
  return "features." + parts[1] + ".conv." + std::to_string(place);
}

std::optional<Naming> naming_of(const StateDict& file) {
  if (!file.contains("features.0.0.weight")) return std::nullopt;
  if (file.contains("features.1.conv.0.0.weight")) return public_naming("torchvision");
  if (!file.contains("features.1.conv.0.weight") || !file.contains("features.1.conv.3.weight"))
    return std::nullopt;
  const bool bare_head = file.contains("classifier.weight");
  return Naming{"pytorch-mobilenet-v2",
                [bare_head](const std::string& ours) { return name_in_a_row(ours, bare_head); }};
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const std::optional<Naming> naming = naming_of(file);
  if (hints.arch.empty() && !naming) return std::nullopt;
  return recognise_as<MobileNetV2>(
      {.arch = hints.arch.empty() ? nearest_variant(file).arch : hints.arch}, file,
      naming.value_or(public_naming("torchvision")));
}

RETORT_REGISTER_FAMILY(Family{
    "mobilenet_v2",
    {"mobilenet_v2", "mobilenet_v2_0.35", "mobilenet_v2_0.5", "mobilenet_v2_0.75",
     "mobilenet_v2_1.4"},
    "MobileNetV2 at widths 1, 0.35, 0.5, 0.75 and 1.4 (torchvision, pytorch-mobilenet-v2)",
    make_convnet<MobileNetV2>,
    recognise});

}  // namespace
}  // namespace retort::models::mobilenet_v2
