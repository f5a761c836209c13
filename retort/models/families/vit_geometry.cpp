// The ViTs that have a name, and the options of the others.
#include <array>
#include <set>

#include "retort/core/error.h"
#include "retort/models/families/vit.h"

namespace retort::models {
namespace {

struct Variant {
  const char* arch;
  int64_t patch, dim, depth, heads, mlp_dim;
  VitNaming naming = VitNaming::torchvision;
};

constexpr std::array<Variant, 8> kVariants{{
    {"deit_small", 16, 384, 12, 6, 1536, VitNaming::timm},
    {"deit_tiny", 16, 192, 12, 3, 768, VitNaming::timm},
    {"vit_s_16", 16, 384, 12, 6, 1536},
    {"vit_b_16", 16, 768, 12, 12, 3072},
    {"vit_b_32", 32, 768, 12, 12, 3072},
    {"vit_l_16", 16, 1024, 24, 16, 4096},
    {"vit_l_32", 32, 1024, 24, 16, 4096},
    {"vit_h_14", 14, 1280, 32, 16, 5120},
}};
constexpr const char* kAnyVit = "vit";  // every dimension is an option; the default is vit_s_16

template <class Enum, size_t N>
using Words = std::array<std::pair<Enum, const char*>, N>;

constexpr Words<PosResize, 3> kPosResizes{{{PosResize::align_corners, "align_corners"},
                                           {PosResize::half_pixel, "half_pixel"},
                                           {PosResize::antialiased, "antialiased"}}};
constexpr Words<VitFeatures, 5> kFeatures{{{VitFeatures::cls, "cls"},
                                           {VitFeatures::cls_mean, "cls+mean"},
                                           {VitFeatures::cls_register, "cls+register"},
                                           {VitFeatures::mean, "mean"},
                                           {VitFeatures::attention, "attention"}}};
constexpr Words<VitActivation, 3> kActivations{{{VitActivation::gelu, "gelu"},
                                                {VitActivation::quick_gelu, "quick_gelu"},
                                                {VitActivation::gelu_tanh, "gelu_tanh"}}};

template <class Enum, size_t N>
const char* word_for(Enum value, const Words<Enum, N>& words) {
  return std::ranges::find(words, value, &std::pair<Enum, const char*>::first)->second;
}

bool has_dimensions(const Variant& variant, const VitGeometry& geometry) {
  return variant.naming == geometry.naming && variant.patch == geometry.patch &&
         variant.dim == geometry.dim && variant.depth == geometry.depth &&
         variant.heads == geometry.heads && variant.mlp_dim == geometry.mlp_dim;
}

std::string dimensions(const VitGeometry& geometry) {
  return "patch " + std::to_string(geometry.patch) + ", dim " + std::to_string(geometry.dim) +
         ", depth " + std::to_string(geometry.depth) + ", heads " + std::to_string(geometry.heads) +
         ", mlp_dim " + std::to_string(geometry.mlp_dim) +
         (geometry.naming == VitNaming::timm ? " and timm's names" : "");
}

VitGeometry fresh_geometry(const Variant& variant) {
  VitGeometry geometry{.naming = variant.naming,
                       .patch = variant.patch,
                       .dim = variant.dim,
                       .depth = variant.depth,
                       .heads = variant.heads,
                       .mlp_dim = variant.mlp_dim,
                       .input = {}};
  if (variant.naming == VitNaming::timm) {  // DeiT's configuration in timm
    geometry.pos_resize = PosResize::antialiased;
    geometry.input.interpolation = data::Interpolation::bicubic;
    geometry.input.crop_ratio = 0.9;
  }
  return geometry;
}

// Reads options into a geometry's fields; the fields hold the defaults.
class OptionReader {
 public:
  explicit OptionReader(const ModelSpec& spec) : spec_(spec) {}

  void read(const char* key, int64_t& field, int64_t low, int64_t high) {
    const auto* option = find(key);
    if (option == nullptr) return;
    if (!option->is_number_integer() || option->get<int64_t>() < low ||
        option->get<int64_t>() > high)
      fail(key, "a whole number in [" + std::to_string(low) + ", " + std::to_string(high) + "]");
    field = option->get<int64_t>();
  }

  void read(const char* key, double& field, double low, double high) {
    const auto* option = find(key);
    if (option == nullptr) return;
    const double value = option->is_number() ? option->get<double>() : -1;
    if (!(value >= low && value <= high))
      fail(key,
           "a number in [" + nlohmann::json(low).dump() + ", " + nlohmann::json(high).dump() + "]");
    field = value;
  }

  void read(const char* key, bool& field) {
    const auto* option = find(key);
    if (option == nullptr) return;
    if (!option->is_boolean()) fail(key, "true or false");
    field = option->get<bool>();
  }

  template <class Enum, size_t N>
  void read(const char* key, Enum& field, const Words<Enum, N>& words) {
    const auto* option = find(key);
    if (option == nullptr) return;
    std::string list;
    for (const auto& [value, word] : words) {
      if (*option == word) {
        field = value;
        return;
      }
      list += (list.empty() ? "" : " or ") + std::string(word);
    }
    fail(key, list);
  }

  void read(const char* key, data::InputSpec& field) {
    if (const auto* option = find(key)) field = data::input_spec_from(*option);
  }

  void refuse_the_rest() const {
    for (const auto& item : spec_.options.items())
      if (!known_.contains(item.key()))
        throw UsageError(spec_.arch + " has no option '" + item.key() + "'");
  }

 private:
  const nlohmann::json* find(const char* key) {
    known_.insert(key);
    const auto found = spec_.options.find(key);
    return found == spec_.options.end() ? nullptr : &*found;
  }
  [[noreturn]] void fail(const char* key, const std::string& wanted) const {
    throw UsageError(std::string(key) + " is " + wanted + ", not " + spec_.options.at(key).dump(),
                     spec_.arch);
  }

  const ModelSpec& spec_;
  std::set<std::string> known_;
};

nlohmann::json options_of(const VitGeometry& geometry) {
  return {{"image_size", geometry.image_size},
          {"layer_norm_eps", geometry.layer_norm_eps},
          {"layer_scale", geometry.layer_scale},
          {"class_token", geometry.class_token},
          {"registers", geometry.registers},
          {"rope_theta", geometry.rope_theta},
          {"pre_norm", geometry.pre_norm},
          {"gated", geometry.gated},
          {"norm_pooled", geometry.norm_pooled},
          {"activation", word_for(geometry.activation, kActivations)},
          {"pos_resize", word_for(geometry.pos_resize, kPosResizes)},
          {"features", word_for(geometry.features, kFeatures)},
          {"preprocess", data::to_json(geometry.input)}};
}

// Throws UsageError when the numbers do not fit together.
void check_together(const VitGeometry& geometry, const std::string& where) {
  if (geometry.dim % geometry.heads != 0)
    throw UsageError("a width of " + std::to_string(geometry.dim) + " does not divide into " +
                         std::to_string(geometry.heads) + " heads",
                     where);
  if (geometry.rope_theta > 0 && geometry.dim / geometry.heads % 4 != 0)
    throw UsageError("positions turn channels by fours, and a head has " +
                         std::to_string(geometry.dim / geometry.heads),
                     where);
  if (geometry.image_size % geometry.patch != 0)
    throw UsageError("an image of " + std::to_string(geometry.image_size) +
                         " pixels does not divide into patches of " +
                         std::to_string(geometry.patch),
                     where);
  if (geometry.input.size < geometry.patch)
    throw UsageError("an input of " + std::to_string(geometry.input.size) +
                         " pixels holds no patch of " + std::to_string(geometry.patch),
                     where);
  if (geometry.features == VitFeatures::cls_register && geometry.registers == 0)
    throw UsageError("there is no register for features of cls+register", where, "take cls");
  if (!geometry.class_token && geometry.features != VitFeatures::mean &&
      geometry.features != VitFeatures::attention)
    throw UsageError(std::string("there is no class token for features of ") +
                         word_for(geometry.features, kFeatures),
                     where, "take mean");
}

}  // namespace

VitFeatures vit_features_from(const std::string& word) {
  const auto* found =
      std::ranges::find(kFeatures, word, &std::pair<VitFeatures, const char*>::second);
  if (found == kFeatures.end()) throw UsageError("a ViT has no features '" + word + "'");
  return found->first;
}

std::vector<std::string> vit_feature_names() {
  std::vector<std::string> names;
  for (const auto& [value, word] : kFeatures) names.emplace_back(word);
  return names;
}

std::vector<std::string> vit_archs() {
  std::vector<std::string> names{kAnyVit};
  for (const Variant& variant : kVariants) names.emplace_back(variant.arch);
  return names;
}

int64_t vit_input_size(const VitGeometry& geometry, int64_t limit) {
  return std::min(geometry.image_size, limit / geometry.patch * geometry.patch);
}

VitGeometry vit_geometry(const ModelSpec& spec) {
  const auto* variant = std::ranges::find(kVariants, spec.arch, &Variant::arch);
  if (variant == kVariants.end() && spec.arch != kAnyVit)
    throw UsageError("no ViT is called '" + spec.arch + "'");
  OptionReader options(spec);
  VitGeometry geometry;
  if (variant != kVariants.end()) {
    geometry = fresh_geometry(*variant);
  } else {
    options.read("patch", geometry.patch, 1, 128);
    options.read("dim", geometry.dim, 1, 8192);
    options.read("depth", geometry.depth, 1, 256);
    options.read("heads", geometry.heads, 1, 256);
    options.read("mlp_dim", geometry.mlp_dim, 1, 65536);
  }
  options.read("image_size", geometry.image_size, 16, 4096);
  options.read("layer_norm_eps", geometry.layer_norm_eps, 1e-15, 0.1);
  options.read("layer_scale", geometry.layer_scale);
  options.read("class_token", geometry.class_token);
  options.read("registers", geometry.registers, 0, 64);
  options.read("rope_theta", geometry.rope_theta, 0, 1e6);
  options.read("pre_norm", geometry.pre_norm);
  options.read("gated", geometry.gated);
  options.read("norm_pooled", geometry.norm_pooled);
  options.read("activation", geometry.activation, kActivations);
  options.read("pos_resize", geometry.pos_resize, kPosResizes);
  options.read("features", geometry.features, kFeatures);
  geometry.input.size = vit_input_size(geometry, 1024);
  options.read("preprocess", geometry.input);
  options.refuse_the_rest();
  check_together(geometry, spec.arch);
  return geometry;
}

ModelSpec vit_spec(const VitGeometry& geometry, int64_t classes, const std::string& arch) {
  const auto* named =
      arch.empty()
          ? std::ranges::find_if(
                kVariants, [&](const Variant& each) { return has_dimensions(each, geometry); })
          : std::ranges::find(kVariants, arch, &Variant::arch);
  if (named == kVariants.end()) {
    if (geometry.naming == VitNaming::timm)
      throw Error("these tensors are a ViT of " + dimensions(geometry) +
                  ", of which retort builds deit_tiny and deit_small");
    nlohmann::json options = options_of(geometry);
    options.update({{"patch", geometry.patch},
                    {"dim", geometry.dim},
                    {"depth", geometry.depth},
                    {"heads", geometry.heads},
                    {"mlp_dim", geometry.mlp_dim}});
    return {kAnyVit, classes, std::move(options)};
  }
  if (!has_dimensions(*named, geometry))
    throw Error("these tensors are a ViT of " + dimensions(geometry) + ", where " + named->arch +
                " has " + dimensions(fresh_geometry(*named)));
  ModelSpec spec{named->arch, classes};
  const nlohmann::json defaults = options_of(vit_geometry(spec)), options = options_of(geometry);
  for (const auto& [key, value] : options.items())
    if (value != defaults.at(key)) spec.options[key] = value;
  return spec;
}

}  // namespace retort::models
