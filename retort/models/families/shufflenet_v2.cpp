// ShuffleNetV2 (Ma et al. 2018, arXiv 1807.11164) as torchvision has it.
#include "retort/core/error.h"
#include "retort/models/conv_layers.h"
#include "retort/models/convnet.h"
#include "retort/models/recognise.h"

namespace retort::models::shufflenet_v2 {
namespace {

constexpr int kStages = 3;
constexpr std::array<int64_t, kStages> kBlocks{4, 8, 4};
constexpr int64_t kStemChannels = 24;

struct Variant {
  const char* arch;
  std::array<int64_t, kStages> channels;
  int64_t features;
  int64_t resized;  // the short side at 224 px, with torchvision's default weights
};
constexpr std::array<Variant, 4> kVariants{{
    {"shufflenet_v2_x0_5", {48, 96, 192}, 1024, 256},
    {"shufflenet_v2_x1_0", {116, 232, 464}, 1024, 256},
    {"shufflenet_v2_x1_5", {176, 352, 704}, 1024, 232},
    {"shufflenet_v2_x2_0", {244, 488, 976}, 2048, 232},
}};

const Variant& variant_of(const std::string& arch) {
  const auto* found = std::ranges::find(kVariants, arch, &Variant::arch);
  if (found == kVariants.end()) throw UsageError("no ShuffleNetV2 is called '" + arch + "'");
  return *found;
}

// Convolutions with their batch norms, numbered together with the activations between them, as in a
// torch.nn.Sequential.
class Branch : public torch::nn::Module {
 public:
  void add_pointwise(int64_t in, int64_t out) { add(bare_conv(in, out, 1), /*activated=*/true); }
  void add_depthwise(int64_t channels, int64_t stride) {
    add(bare_conv(channels, channels, 3, stride, channels), /*activated=*/false);
  }

  at::Tensor forward(at::Tensor x) {
    for (Layer& layer : layers_)
      x = conv_norm(layer.conv, layer.norm, x, layer.activated ? relu_ : nullptr);
    return x;
  }

 private:
  struct Layer {
    torch::nn::Conv2d conv;
    torch::nn::BatchNorm2d norm;
    bool activated;
  };

  void add(const torch::nn::Conv2d& conv, bool activated) {
    register_module(std::to_string(number_), conv);
    const auto norm = register_module(std::to_string(number_ + 1),
                                      torch::nn::BatchNorm2d(conv->options.out_channels()));
    number_ += activated ? 3 : 2;
    layers_.push_back({conv, norm, activated});
  }

  int number_ = 0;
  std::vector<Layer> layers_;
};

// With a stride of 2 both branches read all channels; otherwise the first half passes through
// unchanged.
class Unit : public torch::nn::Module {
 public:
  Unit(int64_t in, int64_t out, int64_t stride) : halves_(stride == 1) {
    const int64_t half = out / 2;
    if (!halves_) {
      left_ = register_module("branch1", std::make_shared<Branch>());
      left_->add_depthwise(in, stride);
      left_->add_pointwise(in, half);
    }
    right_ = register_module("branch2", std::make_shared<Branch>());
    right_->add_pointwise(halves_ ? half : in, half);
    right_->add_depthwise(half, stride);
    right_->add_pointwise(half, half);
  }

  at::Tensor forward(const at::Tensor& x) {
    if (!halves_) return shuffled(left_->forward(x), right_->forward(x));
    const std::vector<at::Tensor> parts = at::chunk(x, 2, 1);
    return shuffled(parts[0], right_->forward(parts[1]));
  }

 private:
  // torchvision's channel_shuffle of the concatenation into two groups: channels of left and right
  // alternate.
  static at::Tensor shuffled(const at::Tensor& left, const at::Tensor& right) {
    return at::stack({left, right}, 2).flatten(1, 2);
  }

  bool halves_;
  std::shared_ptr<Branch> left_, right_;
};

class ShuffleNetV2 : public ConvNet {
 public:
  static constexpr const char* kHead = "fc";

  explicit ShuffleNetV2(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Variant& variant = variant_of(spec.arch);
    stem_ = register_module(
        "conv1", std::make_shared<ConvNormActivation>(bare_conv(3, kStemChannels, 3, 2), relu_));
    int64_t channels = kStemChannels;
    for (int s = 0; s < kStages; ++s) {
      const auto stage =
          register_module("stage" + std::to_string(s + 2), std::make_shared<Holder>());
      for (int64_t i = 0; i < kBlocks[s]; ++i) {
        units_.push_back(stage->register_module(
            std::to_string(i),
            std::make_shared<Unit>(channels, variant.channels[s], i == 0 ? 2 : 1)));
        channels = variant.channels[s];
      }
    }
    last_ = register_module("conv5", std::make_shared<ConvNormActivation>(
                                         bare_conv(channels, variant.features, 1), relu_));
    adopt_head(*this, kHead, variant.features);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = at::max_pool2d(stem_->forward(images), {3, 3}, {2, 2}, {1, 1});
    for (const auto& unit : units_) x = unit->forward(x);
    return average_pool(last_->forward(x));
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.crop_ratio =
        static_cast<double>(spec.size) / static_cast<double>(variant_of(spec_.arch).resized);
    return spec;
  }

  void initialise() override {}  // the layers' defaults stay

 protected:
  void initialise_head() override {}

 private:
  std::shared_ptr<ConvNormActivation> stem_, last_;
  std::vector<std::shared_ptr<Unit>> units_;
};

// The variant with the nearest width of the last stage. For a damaged file it is the one that the
// message names.
const Variant& nearest_variant(const StateDict& file) {
  const auto last = file.find("conv5.0.weight");
  const int64_t width = last != file.end() && last->second.dim() == 4 ? last->second.size(1) : 0;
  return *std::ranges::min_element(kVariants, {}, [&](const Variant& variant) {
    return std::abs(variant.channels.back() - width);
  });
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  if (hints.arch.empty() &&
      !(file.contains("conv1.0.weight") && file.contains("stage2.0.branch1.0.weight")))
    return std::nullopt;
  return recognise_as<ShuffleNetV2>(
      {.arch = hints.arch.empty() ? nearest_variant(file).arch : hints.arch}, file,
      public_naming("torchvision"));
}

RETORT_REGISTER_FAMILY(Family{
    "shufflenet_v2",
    {"shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"},
    "ShuffleNetV2 at widths 0.5, 1, 1.5 and 2 (torchvision)",
    make_convnet<ShuffleNetV2>,
    recognise});

}  // namespace
}  // namespace retort::models::shufflenet_v2
