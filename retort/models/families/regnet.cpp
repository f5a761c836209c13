// RegNet X and Y (Radosavovic et al. 2020, arXiv 2003.13678) as torchvision has them. Read under
// the names of torchvision, timm and transformers.
#include <torch/nn/init.h>

#include "retort/models/conv_layers.h"
#include "retort/models/geometry.h"
#include "retort/models/recognise.h"

namespace retort::models::regnet {
namespace {

constexpr size_t kStages = 4;
constexpr int64_t kStem = 32;
constexpr const char* kAnyRegNet =
    "regnet";  // every size is an option; the default is regnet_y_400mf

struct Plan {
  bool squeeze =
      true;  // Y has squeeze-and-excitation, with a quarter of the channels that enter the block
  int64_t stem = kStem;              // channels
  Wholes depths{1, 3, 6, 6};         // blocks of each stage
  Wholes widths{48, 104, 208, 440};  // their channels
  Wholes group_widths{8, 8, 8, 8};   // channels of a group of their 3 × 3 convolutions

  bool operator==(const Plan&) const = default;
};

struct Variant {
  const char* arch;
  bool squeeze;
  std::array<int64_t, kStages> depths, widths, group_widths;
};
// torchvision's, from the parameters of the paper's appendix.
constexpr std::array<Variant, 15> kVariants{{
    {"regnet_y_400mf", true, {1, 3, 6, 6}, {48, 104, 208, 440}, {8, 8, 8, 8}},
    {"regnet_y_800mf", true, {1, 3, 8, 2}, {64, 144, 320, 784}, {16, 16, 16, 16}},
    {"regnet_y_1_6gf", true, {2, 6, 17, 2}, {48, 120, 336, 888}, {24, 24, 24, 24}},
    {"regnet_y_3_2gf", true, {2, 5, 13, 1}, {72, 216, 576, 1512}, {24, 24, 24, 24}},
    {"regnet_y_8gf", true, {2, 4, 10, 1}, {224, 448, 896, 2016}, {56, 56, 56, 56}},
    {"regnet_y_16gf", true, {2, 4, 11, 1}, {224, 448, 1232, 3024}, {112, 112, 112, 112}},
    {"regnet_y_32gf", true, {2, 5, 12, 1}, {232, 696, 1392, 3712}, {232, 232, 232, 232}},
    {"regnet_y_128gf", true, {2, 7, 17, 1}, {528, 1056, 2904, 7392}, {264, 264, 264, 264}},
    {"regnet_x_400mf", false, {1, 2, 7, 12}, {32, 64, 160, 400}, {16, 16, 16, 16}},
    {"regnet_x_800mf", false, {1, 3, 7, 5}, {64, 128, 288, 672}, {16, 16, 16, 16}},
    {"regnet_x_1_6gf", false, {2, 4, 10, 2}, {72, 168, 408, 912}, {24, 24, 24, 24}},
    {"regnet_x_3_2gf", false, {2, 6, 15, 2}, {96, 192, 432, 1008}, {48, 48, 48, 48}},
    {"regnet_x_8gf", false, {2, 5, 15, 1}, {80, 240, 720, 1920}, {80, 120, 120, 120}},
    {"regnet_x_16gf", false, {2, 6, 13, 1}, {256, 512, 896, 2048}, {128, 128, 128, 128}},
    {"regnet_x_32gf", false, {2, 7, 13, 1}, {336, 672, 1344, 2520}, {168, 168, 168, 168}},
}};

const Variant* find_variant(const std::string& arch) { return entry_named(kVariants, arch); }

Plan plan_of(const Variant& variant) {
  return {.squeeze = variant.squeeze,
          .stem = kStem,
          .depths = {variant.depths.begin(), variant.depths.end()},
          .widths = {variant.widths.begin(), variant.widths.end()},
          .group_widths = {variant.group_widths.begin(), variant.group_widths.end()}};
}

Plan plan_of(const ModelSpec& spec) {
  if (const Variant* variant = find_variant(spec.arch)) return plan_of(*variant);
  if (spec.arch != kAnyRegNet) throw UsageError("no RegNet is called '" + spec.arch + "'");
  const Plan otherwise;
  Plan plan{.squeeze = flag_option(spec, "squeeze", otherwise.squeeze),
            .stem = whole_option(spec, "stem", otherwise.stem, 1, 8192),
            .depths = wholes_option(spec, "depths", otherwise.depths, 1, 256),
            .widths = wholes_option(spec, "widths", otherwise.widths, 1, 16384),
            .group_widths = wholes_option(spec, "group_widths", otherwise.group_widths, 1, 16384)};
  for (size_t s = 0; s < kStages; ++s)
    if (plan.widths[s] % plan.group_widths[s] != 0)
      throw UsageError(std::to_string(plan.widths[s]) + " channels do not divide into groups of " +
                           std::to_string(plan.group_widths[s]),
                       spec.arch);
  return plan;
}

ModelSpec spec_of(const Plan& plan) {
  for (const Variant& variant : kVariants)
    if (plan == plan_of(variant)) return {.arch = variant.arch};
  return {.arch = kAnyRegNet,
          .options = {{"squeeze", plan.squeeze},
                      {"stem", plan.stem},
                      {"depths", plan.depths},
                      {"widths", plan.widths},
                      {"group_widths", plan.group_widths}}};
}

class Block : public torch::nn::Module, public Residual {
 public:
  Block(int64_t in, int64_t width, int64_t group_width, int64_t stride, bool squeeze) {
    const auto layer = [](int64_t from, int64_t to, int64_t kernel, int64_t step, int64_t groups,
                          Activation activation) {
      return std::make_shared<ConvNormActivation>(bare_conv(from, to, kernel, step, groups),
                                                  activation);
    };
    if (in != width || stride != 1)
      shortcut_ = register_module("proj", layer(in, width, 1, stride, 1, nullptr));
    const auto branch = register_module("f", std::make_shared<Holder>());
    first_ = branch->register_module("a", layer(in, width, 1, 1, 1, relu_));
    grouped_ =
        branch->register_module("b", layer(width, width, 3, stride, width / group_width, relu_));
    if (squeeze) {
      // Rounds as Python's round does, halves to the even number.
      const auto squeezed = static_cast<int64_t>(std::nearbyint(0.25 * static_cast<double>(in)));
      squeeze_ = branch->register_module(
          "se", std::make_shared<SqueezeExcitation>(width, std::max<int64_t>(squeezed, 1), relu_,
                                                    at::sigmoid));
    }
    last_ = branch->register_module("c", layer(width, width, 1, 1, 1, nullptr));
  }

  at::Tensor forward(const at::Tensor& input) {
    at::Tensor x = grouped_->forward(first_->forward(input));
    if (squeeze_) x = squeeze_->forward(x);
    return last_->forward(x).add_(shortcut_ ? shortcut_->forward(input) : input).relu_();
  }
  torch::nn::BatchNorm2dImpl* branch_norm() override { return last_->norm(); }

 private:
  std::shared_ptr<ConvNormActivation> shortcut_, first_, grouped_, last_;
  std::shared_ptr<SqueezeExcitation> squeeze_;
};

// Options: besides ConvNet's, the sizes of "regnet", named as in Plan.
class RegNet : public ConvNet {
 public:
  static constexpr const char* kHead = "fc";

  explicit RegNet(const ModelSpec& spec) : ConvNet(spec, 0) {
    const Plan plan = plan_of(spec);
    stem_ = register_module(
        "stem", std::make_shared<ConvNormActivation>(bare_conv(3, plan.stem, 3, 2), relu_));
    const auto trunk = register_module("trunk_output", std::make_shared<Holder>());
    int64_t channels = plan.stem;
    for (size_t s = 0; s < kStages; ++s) {
      const std::string name = "block" + std::to_string(s + 1);
      const auto stage = trunk->register_module(name, std::make_shared<Holder>());
      for (int64_t i = 0; i < plan.depths[s]; ++i) {
        const auto block = std::make_shared<Block>(channels, plan.widths[s], plan.group_widths[s],
                                                   i == 0 ? 2 : 1, plan.squeeze);
        blocks_.push_back(stage->register_module(name + "-" + std::to_string(i), block));
        channels = plan.widths[s];
      }
    }
    adopt_head(*this, kHead, channels);
  }

  at::Tensor forward_features(const at::Tensor& images) override {
    at::Tensor x = stem_->forward(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return average_pool(x);
  }

  data::InputSpec own_input_spec() const override {
    data::InputSpec spec;
    spec.crop_ratio = static_cast<double>(spec.size) / 232;  // torchvision's default weights
    return spec;
  }

  void initialise() override {
    for (auto* conv : convolutions_of(*this)) {
      const auto fan_out =
          static_cast<double>(conv->weight.size(0) * conv->weight.size(2) * conv->weight.size(3));
      torch::nn::init::normal_(conv->weight, 0, std::sqrt(2 / fan_out));
    }
    initialise_head();
  }

 protected:
  void initialise_head() override {
    torch::nn::init::normal_(head()->weight, 0, 0.01);
    torch::nn::init::zeros_(head()->bias);
  }

 private:
  std::shared_ptr<ConvNormActivation> stem_;
  std::vector<std::shared_ptr<Block>> blocks_;
};

// The parts of "trunk_output.block2.block2-3.f.a.0", or of such a name up to the block: the stage
// and the block, counted from 0, and the rest.
struct Place {
  int64_t stage, block;
  std::vector<std::string> rest;
};
Place place_of(const std::string& ours) {
  const std::vector<std::string> parts = split_name(ours);
  return {parts.at(1).back() - '1',
          std::stoll(parts.at(2).substr(parts[2].find('-') + 1)),
          {parts.begin() + 3, parts.end()}};
}

Naming timm_naming() {
  return {"timm", [](const std::string& ours) {
            const auto layer = [](const std::string& part) {
              return part == "0" ? ".conv" : ".bn";
            };
            if (ours == "fc") return std::string("head.fc");
            if (ours.starts_with("stem.")) return std::string("stem") + layer(ours.substr(5));
            const Place place = place_of(ours);
            std::string block =
                "s" + std::to_string(place.stage + 1) + ".b" + std::to_string(place.block + 1);
            if (place.rest.empty()) return block;
            if (place.rest[0] == "proj") return block + ".downsample" + layer(place.rest.at(1));
            if (place.rest.at(1) == "se") return block + ".se." + place.rest.at(2);
            return block + ".conv" + std::to_string(place.rest[1][0] - 'a' + 1) +
                   layer(place.rest.at(2));
          }};
}

Naming transformers_naming(const std::string& prefix, bool squeeze) {
  return {"transformers", [prefix, squeeze](const std::string& ours) {
            const auto layer = [](const std::string& part) {
              return part == "0" ? ".convolution" : ".normalization";
            };
            if (ours == "fc") return std::string("classifier.1");
            if (ours.starts_with("stem."))
              return prefix + "embedder.embedder" + layer(ours.substr(5));
            const Place place = place_of(ours);
            std::string block = prefix + "encoder.stages." + std::to_string(place.stage) +
                                ".layers." + std::to_string(place.block);
            if (place.rest.empty()) return block;
            if (place.rest[0] == "proj") return block + ".shortcut" + layer(place.rest.at(1));
            if (place.rest.at(1) == "se")
              return block + ".layer.2.attention" + (place.rest.at(2) == "fc1" ? ".0" : ".2");
            const int number = place.rest[1] == "c" && squeeze ? 3 : place.rest[1][0] - 'a';
            return block + ".layer." + std::to_string(number) + layer(place.rest.at(2));
          }};
}

std::optional<Naming> naming_of(const StateDict& file) {
  if (file.contains("trunk_output.block1.block1-0.f.a.0.weight") &&
      file.contains("trunk_output.block1.block1-0.f.b.0.weight"))
    return public_naming("torchvision");
  if (file.contains("s1.b1.conv1.conv.weight") && file.contains("s1.b1.conv2.conv.weight"))
    return timm_naming();
  for (const std::string prefix : {"regnet.", ""}) {
    // ResNet has the same names, but a stem of 7 × 7.
    const auto stem = file.find(prefix + "embedder.embedder.convolution.weight");
    if (stem != file.end() && stem->second.dim() == 4 && stem->second.size(3) == 3 &&
        file.contains(prefix + "encoder.stages.0.layers.0.layer.1.convolution.weight"))
      return transformers_naming(prefix, has_part(file, ".attention."));
  }
  return std::nullopt;
}

Plan plan_of(const Shapes& shapes) {
  Plan plan{.squeeze = shapes.has("trunk_output.block1.block1-0.f.se.fc1") ||
                       shapes.has("trunk_output.block1.block1-0.f.se.fc2"),
            .stem = shapes.of("stem.0.weight", 4)[0],
            .depths = {},
            .widths = {},
            .group_widths = {}};
  for (size_t s = 0; s < kStages; ++s) {
    const std::string name = "block" + std::to_string(s + 1),
                      blocks = "trunk_output." + name + "." + name + "-";
    plan.depths.push_back(shapes.count(blocks));
    const Wholes grouped = shapes.of(blocks + "0.f.b.0.weight", 4);
    const int64_t width = grouped[0];
    plan.widths.push_back(width);
    plan.group_widths.push_back(grouped[1]);
    for (int64_t i = 0; i < plan.depths.back(); ++i) {
      const std::string block = blocks + std::to_string(i);
      shapes.require(block + ".f.a.0.weight", {width,
                                               i > 0    ? width
                                               : s == 0 ? plan.stem
                                                        : plan.widths[s - 1],
                                               1, 1});
      shapes.require(block + ".f.b.0.weight", grouped);
      shapes.require(block + ".f.c.0.weight", {width, width, 1, 1});
    }
  }
  return plan;
}

std::optional<Recognised> recognise(const StateDict& file, const Hints& hints) {
  const std::optional<Naming> found = naming_of(file);
  if (hints.arch.empty() && !found) return std::nullopt;
  const Naming naming = found.value_or(public_naming("torchvision"));
  ModelSpec spec = find_variant(hints.arch) != nullptr ? ModelSpec{.arch = hints.arch}
                                                       : spec_of(plan_of(Shapes(file, naming)));
  if (naming.name != "torchvision") {  // timm's and facebook/regnet-*'s
    data::InputSpec input;
    input.interpolation = data::Interpolation::bicubic;
    spec.options["preprocess"] = data::to_json(input);
  }
  return recognise_as<RegNet>(std::move(spec), file, naming);
}

RETORT_REGISTER_FAMILY(Family{"regnet", arch_names(kAnyRegNet, kVariants),
                              "RegNet X and Y (torchvision, timm, transformers)",
                              make_convnet<RegNet>, recognise});

}  // namespace
}  // namespace retort::models::regnet
