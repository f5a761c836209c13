// EfficientNet-B0 (Tan & Le 2019, arXiv 1905.11946) as torchvision has it: symmetric padding, batch norms' usual eps.
#include <torch/nn/init.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"

namespace retort::models {
namespace {

constexpr int64_t kStemChannels = 32;
constexpr int64_t kFeatures = 1280;

struct Stage {
  int64_t expansion, kernel, stride, channels, blocks;
};
constexpr std::array<Stage, 7> kStages{
    {{1, 3, 1, 16, 1}, {6, 3, 2, 24, 2}, {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3}, {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1}}};
constexpr int64_t kBlocks = 16;

double stochastic_depth_of(const ModelSpec& spec) {
  const auto option = spec.options.find("stochastic_depth");
  if (option == spec.options.end()) return 0.2;
  const double rate = option->is_number() ? option->get<double>() : -1;
  if (!(rate >= 0 && rate < 1)) throw UsageError("stochastic_depth is a number in [0, 1), not " + option->dump(), spec.arch);
  return rate;
}

// Options: besides ConvNet's, `stochastic_depth`, in [0, 1): the chance that an image's branch is dropped in training rises to nearly this,
// in proportion to the block's number. 0.2 by default.
class EfficientNet : public ConvNet {
 public:
  static constexpr const char* kHead = "classifier.1";  // torchvision's "classifier.0" is the dropout

  explicit EfficientNet(const ModelSpec& spec) : ConvNet(spec, 0.2) {
    const double stochastic_depth = stochastic_depth_of(spec);
    const auto features = register_module("features", std::make_shared<Holder>());
    int number = 0;
    const auto add = [&](auto module) { return features->register_module(std::to_string(number++), std::move(module)); };
    stem_ = add(std::make_shared<ConvNormActivation>(bare_conv(3, kStemChannels, 3, 2), at::silu));
    int64_t channels = kStemChannels;
    for (const Stage& each : kStages) {
      const auto stage = add(std::make_shared<Holder>());
      for (int64_t i = 0; i < each.blocks; ++i) {
        const InvertedResidual::Options options{.in = channels,
                                                .hidden = channels * each.expansion,
                                                .out = each.channels,
                                                .kernel = each.kernel,
                                                .stride = i == 0 ? each.stride : 1,
                                                .squeezed = channels / 4,
                                                .activation = at::silu,
                                                .squeeze_activation = at::silu,
                                                .drop = stochastic_depth * static_cast<double>(blocks_.size()) / kBlocks};
        blocks_.push_back(stage->register_module(std::to_string(i), std::make_shared<InvertedResidual>(options)));
        channels = each.channels;
      }
    }
    last_ = add(std::make_shared<ConvNormActivation>(bare_conv(channels, kFeatures, 1), at::silu));
    adopt_head(*register_module("classifier", std::make_shared<Holder>()), "1", kFeatures);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(last_->forward(x));
  }

  data::InputSpec input_spec() const override {
    data::InputSpec spec;
    spec.interpolation = data::Interpolation::bicubic;
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
  std::shared_ptr<ConvNormActivation> stem_, last_;
  std::vector<std::shared_ptr<InvertedResidual>> blocks_;
};

std::optional<Recognised> recognise(const StateDict& file, const std::string& arch) {
  if (arch.empty() && !(file.contains("features.0.0.weight") && file.contains("features.1.0.block.0.0.weight"))) return std::nullopt;
  return recognise_as<EfficientNet>({.arch = "efficientnet_b0"}, file, public_naming("torchvision"));
}

RETORT_REGISTER_FAMILY(Family{"efficientnet", {"efficientnet_b0"}, "EfficientNet-B0 (torchvision)", make_convnet<EfficientNet>, recognise});

}  // namespace
}  // namespace retort::models
