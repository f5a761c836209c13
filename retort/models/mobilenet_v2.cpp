// MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) as torchvision has it, at width 1.
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>

#include "retort/models/convnet.h"

namespace retort::models {
namespace {

struct Stage {
  int64_t expansion, channels, blocks, stride;
};
constexpr std::array<Stage, 7> kStages{
    {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
constexpr int64_t kStemChannels = 32;
constexpr int64_t kFeatures = 1280;

class ConvNormRelu6 : public torch::nn::Module {
 public:
  ConvNormRelu6(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1)
      : conv_(register_module("0", bare_conv(in, out, kernel, stride, groups))), norm_(register_module("1", torch::nn::BatchNorm2d(out))) {}

  at::Tensor forward(const at::Tensor& x) { return relu6_(norm_->forward(conv_->forward(x))); }

 private:
  torch::nn::Conv2d conv_;
  torch::nn::BatchNorm2d norm_;
};

class InvertedResidual : public torch::nn::Module {
 public:
  InvertedResidual(int64_t in, int64_t out, int64_t expansion, int64_t stride) : residual_(stride == 1 && in == out) {
    const auto list = register_module("conv", std::make_shared<Holder>());
    const int64_t hidden = in * expansion;
    if (expansion != 1) list->register_module("0", layers_.emplace_back(std::make_shared<ConvNormRelu6>(in, hidden, 1)));
    const size_t depthwise = layers_.size();
    list->register_module(std::to_string(depthwise),
                          layers_.emplace_back(std::make_shared<ConvNormRelu6>(hidden, hidden, 3, stride, hidden)));
    project_ = list->register_module(std::to_string(depthwise + 1), bare_conv(hidden, out, 1));
    norm_ = list->register_module(std::to_string(depthwise + 2), torch::nn::BatchNorm2d(out));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = input;
    for (const auto& layer : layers_) x = layer->forward(x);
    x = norm_->forward(project_->forward(x));
    return residual_ ? x.add_(input) : x;
  }

 private:
  bool residual_;
  std::vector<std::shared_ptr<ConvNormRelu6>> layers_;
  torch::nn::Conv2d project_{nullptr};
  torch::nn::BatchNorm2d norm_{nullptr};
};

class MobileNetV2 : public ConvNet {
 public:
  static constexpr const char* kHead = "classifier.1";  // torchvision's "classifier.0" is the dropout

  explicit MobileNetV2(const ModelSpec& spec) : ConvNet(spec, 0.2) {
    const auto features = register_module("features", std::make_shared<Holder>());
    stem_ = features->register_module("0", std::make_shared<ConvNormRelu6>(3, kStemChannels, 3, 2));
    int64_t channels = kStemChannels;
    for (const Stage& stage : kStages) {
      for (int64_t i = 0; i < stage.blocks; ++i) {
        const std::string name = std::to_string(blocks_.size() + 1);
        blocks_.push_back(features->register_module(
            name, std::make_shared<InvertedResidual>(channels, stage.channels, stage.expansion, i == 0 ? stage.stride : 1)));
        channels = stage.channels;
      }
    }
    last_ = features->register_module(std::to_string(blocks_.size() + 1), std::make_shared<ConvNormRelu6>(channels, kFeatures, 1));
    adopt_head(*register_module("classifier", std::make_shared<Holder>()), "1", kFeatures);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(last_->forward(x));
  }

  data::InputSpec input_spec() const override { return {}; }

  void initialise() override {
    for (auto* conv : convolutions_of(*this)) torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut);
    initialise_head();
  }

 protected:
  void initialise_head() override {
    torch::nn::init::normal_(head()->weight, 0, 0.01);
    torch::nn::init::zeros_(head()->bias);
  }

 private:
  std::shared_ptr<ConvNormRelu6> stem_, last_;
  std::vector<std::shared_ptr<InvertedResidual>> blocks_;
};

std::optional<Recognised> recognise(const StateDict& file, const std::string& arch) {
  if (arch.empty() && !(file.contains("features.0.0.weight") && file.contains("features.1.conv.0.0.weight"))) return std::nullopt;
  return recognise_as<MobileNetV2>({.arch = "mobilenet_v2"}, file, public_naming("torchvision"));
}

RETORT_REGISTER_FAMILY(Family{
    "mobilenet_v2", {"mobilenet_v2"}, "MobileNetV2 at width 1 (torchvision)", make_convnet<MobileNetV2>, recognise});

}  // namespace
}  // namespace retort::models
