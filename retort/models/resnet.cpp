// ResNet (He et al. 2015, arXiv 1512.03385) as torchvision has it: the stride of a bottleneck sits in its 3 × 3 convolution ("v1.5").
#include <set>

#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>

#include "retort/core/error.h"
#include "retort/models/convnet.h"

namespace retort::models {
namespace {

constexpr int kStages = 4;
using Depths = std::array<int64_t, kStages>;

struct Variant {
  const char* arch;
  bool bottleneck;
  Depths depths;  // blocks of each stage
};

constexpr std::array<Variant, 4> kVariants{{
    {"resnet18", false, {2, 2, 2, 2}},
    {"resnet34", false, {3, 4, 6, 3}},
    {"resnet50", true, {3, 4, 6, 3}},
    {"resnet101", true, {3, 4, 23, 3}},
}};

const Variant& variant_of(const std::string& arch) {
  const auto* found = std::ranges::find(kVariants, arch, &Variant::arch);
  if (found == kVariants.end()) throw UsageError("no ResNet is called '" + arch + "'");
  return *found;
}

// conv-bn-relu twice (3 × 3, 3 × 3) or, as a bottleneck, three times (1 × 1, 3 × 3, 1 × 1 to four times the planes), plus the shortcut.
class Block : public torch::nn::Module {
 public:
  Block(int64_t in, int64_t planes, int64_t stride, bool bottleneck) {
    const int64_t out = bottleneck ? 4 * planes : planes;
    if (bottleneck) {
      add(in, planes, 1, 1);
      add(planes, planes, 3, stride);
      add(planes, out, 1, 1);
    } else {
      add(in, planes, 3, stride);
      add(planes, planes, 3, 1);
    }
    if (stride == 1 && in == out) return;
    const auto downsample = register_module("downsample", std::make_shared<Holder>());
    shortcut_conv_ = downsample->register_module("0", bare_conv(in, out, 1, stride));
    shortcut_norm_ = downsample->register_module("1", torch::nn::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (size_t i = 0; i < convs_.size(); ++i) {
      if (i > 0) x.relu_();
      x = norms_[i]->forward(convs_[i]->forward(x));
    }
    return x.add_(shortcut_conv_ ? shortcut_norm_->forward(shortcut_conv_->forward(input)) : input).relu_();
  }

 private:
  void add(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    const std::string number = std::to_string(convs_.size() + 1);
    convs_.emplace_back(register_module("conv" + number, bare_conv(in, out, kernel, stride)));
    norms_.emplace_back(register_module("bn" + number, torch::nn::BatchNorm2d(out)));
  }

  std::vector<torch::nn::Conv2d> convs_;
  std::vector<torch::nn::BatchNorm2d> norms_;
  torch::nn::Conv2d shortcut_conv_{nullptr};
  torch::nn::BatchNorm2d shortcut_norm_{nullptr};
};

class ResNet : public ConvNet {
 public:
  static constexpr const char* kHead = "fc";

  explicit ResNet(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Variant& variant = variant_of(spec.arch);
    stem_ = register_module("conv1", bare_conv(3, 64, 7, 2));
    stem_norm_ = register_module("bn1", torch::nn::BatchNorm2d(64));
    int64_t channels = 64;
    for (int stage = 0; stage < kStages; ++stage) {
      const auto layer = register_module("layer" + std::to_string(stage + 1), std::make_shared<Holder>());
      const int64_t planes = int64_t{64} << stage;
      for (int64_t i = 0; i < variant.depths[stage]; ++i) {
        const int64_t stride = i == 0 && stage > 0 ? 2 : 1;
        blocks_.push_back(layer->register_module(std::to_string(i), std::make_shared<Block>(channels, planes, stride, variant.bottleneck)));
        channels = variant.bottleneck ? 4 * planes : planes;
      }
    }
    adopt_head(*this, kHead, channels);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_norm_->forward(stem_->forward(images)).relu_();
    x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(x);
  }

  data::InputSpec input_spec() const override { return {}; }

  void initialise() override {
    for (auto* conv : convolutions_of(*this)) torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
  }

 protected:
  void initialise_head() override {}  // a linear layer's default

 private:
  torch::nn::Conv2d stem_{nullptr};
  torch::nn::BatchNorm2d stem_norm_{nullptr};
  std::vector<std::shared_ptr<Block>> blocks_;
};

Depths depths_of(const StateDict& file) {
  Depths depths{};
  for (int stage = 0; stage < kStages; ++stage) {
    const std::string prefix = "layer" + std::to_string(stage + 1) + ".";
    std::set<std::string> blocks;
    for (auto at = file.lower_bound(prefix); at != file.end() && at->first.starts_with(prefix); ++at)
      blocks.insert(at->first.substr(0, at->first.find('.', prefix.size())));
    depths[stage] = static_cast<int64_t>(blocks.size());
  }
  return depths;
}

// The variant of the file's kind of block whose depths are nearest: exact, or the one that a damaged file is told apart from.
const Variant& nearest_variant(const StateDict& file) {
  const bool bottleneck = file.contains("layer1.0.conv3.weight");
  const Depths depths = depths_of(file);
  const auto distance = [&](const Variant& variant) {
    int64_t sum = variant.bottleneck == bottleneck ? 0 : 1000;
    for (int stage = 0; stage < kStages; ++stage) sum += std::abs(variant.depths[stage] - depths[stage]);
    return sum;
  };
  return *std::ranges::min_element(kVariants, {}, distance);
}

std::optional<Recognised> recognise(const StateDict& file, const std::string& arch) {
  if (arch.empty() && !(file.contains("layer1.0.conv1.weight") && file.contains("layer1.0.bn1.weight"))) return std::nullopt;
  return recognise_as<ResNet>({.arch = arch.empty() ? nearest_variant(file).arch : arch}, file, public_naming("torchvision"));
}

RETORT_REGISTER_FAMILY(Family{"resnet",
                              {"resnet18", "resnet34", "resnet50", "resnet101"},
                              "ResNet-18, 34, 50, 101 (torchvision; timm's classic ResNets have the same names)",
                              make_convnet<ResNet>,
                              recognise});

}  // namespace
}  // namespace retort::models
