// MobileNetV3 (Howard et al. 2019, arXiv 1905.02244) as torchvision has it, at width 1.
#include <torch/nn/init.h>

#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"
#include "retort/models/recognise.h"

namespace retort::models::mobilenet_v3 {
namespace {

constexpr int64_t kStemChannels = 16;
constexpr NormOptions kNorm{.eps = 1e-3, .momentum = 0.01};

struct Layer {
  int64_t kernel, hidden, channels;
  bool squeeze;
  Activation activation;
  int64_t stride;
};

// Tables 1 and 2 of the paper.
const std::vector<Layer>& large_layers() {
  static const std::vector<Layer> layers{
      {3, 16, 16, false, relu_, 1},          {3, 64, 24, false, relu_, 2},
      {3, 72, 24, false, relu_, 1},          {5, 72, 40, true, relu_, 2},
      {5, 120, 40, true, relu_, 1},          {5, 120, 40, true, relu_, 1},
      {3, 240, 80, false, at::hardswish, 2}, {3, 200, 80, false, at::hardswish, 1},
      {3, 184, 80, false, at::hardswish, 1}, {3, 184, 80, false, at::hardswish, 1},
      {3, 480, 112, true, at::hardswish, 1}, {3, 672, 112, true, at::hardswish, 1},
      {5, 672, 160, true, at::hardswish, 2}, {5, 960, 160, true, at::hardswish, 1},
      {5, 960, 160, true, at::hardswish, 1}};
  return layers;
}

const std::vector<Layer>& small_layers() {
  static const std::vector<Layer> layers{
      {3, 16, 16, true, relu_, 2},          {3, 72, 24, false, relu_, 2},
      {3, 88, 24, false, relu_, 1},         {5, 96, 40, true, at::hardswish, 2},
      {5, 240, 40, true, at::hardswish, 1}, {5, 240, 40, true, at::hardswish, 1},
      {5, 120, 48, true, at::hardswish, 1}, {5, 144, 48, true, at::hardswish, 1},
      {5, 288, 96, true, at::hardswish, 2}, {5, 576, 96, true, at::hardswish, 1},
      {5, 576, 96, true, at::hardswish, 1}};
  return layers;
}

struct Variant {
  const char* arch;
  const std::vector<Layer>& (*layers)();
  int64_t features;
  int64_t resized;  // the short side at 224 px, with torchvision's default weights
};
constexpr std::array<Variant, 2> kVariants{{
    {"mobilenet_v3_small", small_layers, 1024, 256},
    {"mobilenet_v3_large", large_layers, 1280, 232},
}};

const Variant& variant_of(const std::string& arch) {
  const auto* found = std::ranges::find(kVariants, arch, &Variant::arch);
  if (found == kVariants.end()) throw UsageError("no MobileNetV3 is called '" + arch + "'");
  return *found;
}

// The features are the input of torchvision's last linear layer, `classifier.3`.
class MobileNetV3 : public ConvNet {
 public:
  static constexpr const char* kHead = "classifier.3";

  explicit MobileNetV3(const ModelSpec& spec) : ConvNet(spec, 0.2) {
    const Variant& variant = variant_of(spec.arch);
    const auto features = register_module("features", std::make_shared<Holder>());
    stem_ = features->register_module("0", layer(3, kStemChannels, 3, 2));
    int64_t channels = kStemChannels;
    for (const Layer& each : variant.layers()) {
      const int64_t quarter = each.hidden / 4;
      const InvertedResidual::Options options{
          .in = channels,
          .hidden = each.hidden,
          .out = each.channels,
          .kernel = each.kernel,
          .stride = each.stride,
          .squeezed = each.squeeze ? round_channels(static_cast<double>(quarter)) : 0,
          .activation = each.activation,
          .gate = at::hardsigmoid,
          .norm = kNorm};
      const std::string name = std::to_string(blocks_.size() + 1);
      blocks_.push_back(
          features->register_module(name, std::make_shared<InvertedResidual>(options)));
      channels = each.channels;
    }
    const int64_t maps = 6 * channels;
    last_ =
        features->register_module(std::to_string(blocks_.size() + 1), layer(channels, maps, 1, 1));
    const auto classifier = register_module("classifier", std::make_shared<Holder>());
    hidden_ = classifier->register_module("0", torch::nn::Linear(maps, variant.features));
    adopt_head(*classifier, "3", variant.features);  // 1 and 2 are the activation and the dropout
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return at::hardswish(hidden_->forward(average_pool(last_->forward(x))));
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.crop_ratio =
        static_cast<double>(spec.size) / static_cast<double>(variant_of(spec_.arch).resized);
    return spec;
  }

  void initialise() override {
    for (auto* conv : convolutions_of(*this)) {
      torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut);
      if (conv->bias.defined()) torch::nn::init::zeros_(conv->bias);
    }
    initialise_linear(*hidden_);
    initialise_head();
  }

 protected:
  void initialise_head() override { initialise_linear(*head()); }

 private:
  static std::shared_ptr<ConvNormActivation> layer(int64_t in, int64_t out, int64_t kernel,
                                                   int64_t stride) {
    return std::make_shared<ConvNormActivation>(bare_conv(in, out, kernel, stride), at::hardswish,
                                                kNorm);
  }

  static void initialise_linear(const torch::nn::LinearImpl& linear) {
    torch::nn::init::normal_(linear.weight, 0, 0.01);
    torch::nn::init::zeros_(linear.bias);
  }

  std::shared_ptr<ConvNormActivation> stem_, last_;
  std::vector<std::shared_ptr<InvertedResidual>> blocks_;
  torch::nn::Linear hidden_{nullptr};
};

// The variant with the nearest number of blocks. For a damaged file it is the one that the message
// names.
const Variant& nearest_variant(const StateDict& file) {
  const int64_t blocks = std::ranges::count_if(
      file, [](const auto& item) { return item.first.ends_with(".block.1.0.weight"); });
  return *std::ranges::min_element(kVariants, {}, [&](const Variant& variant) {
    return std::abs(static_cast<int64_t>(variant.layers().size()) - blocks);
  });
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  if (hints.arch.empty() &&
      !(file.contains("features.0.0.weight") && file.contains("features.1.block.0.0.weight")))
    return std::nullopt;
  return recognise_as<MobileNetV3>(
      {.arch = hints.arch.empty() ? nearest_variant(file).arch : hints.arch}, file,
      public_naming("torchvision"));
}

RETORT_REGISTER_FAMILY(Family{"mobilenet_v3",
                              {"mobilenet_v3_small", "mobilenet_v3_large"},
                              "MobileNetV3-Small and -Large (torchvision)",
                              make_convnet<MobileNetV3>,
                              recognise});

}  // namespace
}  // namespace retort::models::mobilenet_v3
