#include "retort/models/timm_names.h"

#include <algorithm>
#include <array>
#include <regex>
#include <string_view>

#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::models {
namespace {

// Architectures for which scripts/check_snapshots.py finds timm's results.
constexpr std::array<const char*, 13> kComputed{
    "resnet(18|26|34|50|101|152|200)?",
    "resnext(50_32x4d|101_32x4d|101_32x8d|101_32x16d|101_32x32d|101_64x4d)",
    "wide_resnet(50|101)_2",
    "convnext_(atto|femto|pico|nano|tiny|small|base|large|xlarge)",
    "convnextv2_(atto|femto|pico|nano|tiny|small|base|large|huge)",
    "(tf_)?efficientnet_b[0-8]|(tf_)?efficientnet_l2|tf_efficientnet_lite[0-4]",
    "tinynet_[a-e]|efficientnetv2_rw_(t|s|m)",
    "efficientnetv2_(s|m|l|xl)|tf_efficientnetv2_(b[0-3]|s|m|l|xl)",
    "regnet[xy]_[0-9]+(_tv)?",
    "swin_(tiny|small|base|large)_patch4_window(7_224|12_384)",
    "mobilenetv4_conv_(small|medium|large|small_035|small_050)",
    "(deit|deit3|vit)_.*",
    "flexivit_(small|base|large)|eva_large_patch14_(196|336)|eva_giant_patch14_(224|336|560)",
};

// Architectures whose names match vit_… and that retort does not compute.
constexpr std::array<const char*, 2> kOthers{
    ".*_(rpn|xp|18x2|36x1|miil|rope|mixed|ape|sapiens2|pe|radio|intern300m|dlittle|dwee|dpwee|pwee|"
    "tipsv2|mediumd).*",
    ".*_(r26|r50|resnet26d|resnet50d|relpos|srelpos|sam|d2s)_?.*"};

// Arguments that change sizes, which tensors show, or only training.
constexpr std::array<std::string_view, 21> kSizes{
    "num_classes",     "img_size",        "patch_size",       "embed_dim",
    "depth",           "num_heads",       "depths",           "dims",
    "layers",          "channels",        "window_size",      "in_chans",
    "drop_rate",       "drop_path_rate",  "attn_drop_rate",   "proj_drop_rate",
    "patch_drop_rate", "strict_img_size", "dynamic_img_size", "mlp_ratio",
    "global_pool"};

bool fits(const std::string& name, const char* pattern) {
  return std::regex_match(name, std::regex(pattern));
}

bool is_computed(const std::string& name) {
  constexpr size_t kLongest = 64;
  const auto fits_it = [&](const char* pattern) { return fits(name, pattern); };
  return name.size() <= kLongest && std::ranges::any_of(kComputed, fits_it) &&
         std::ranges::none_of(kOthers, fits_it);
}

}  // namespace

void check_timm(const hub::Description& description, const std::string& where) {
  const std::string name = description.architecture.substr(0, description.architecture.find('.'));
  if (!is_computed(name))
    throw Error("timm's " + quote_name(name) +
                    " is not built, nor a network of the same tensors in its place",
                where, "export it with torch.onnx.export or torch.jit.script, and name that file");
  const auto arguments = description.config.find("model_args");
  if (arguments != description.config.end() && arguments->is_object()) {
    for (const auto& [key, value] : arguments->items())
      if (std::ranges::find(kSizes, key) == kSizes.end())
        throw Error("timm's " + name + " with the argument " + quote_name(key) + " is not built",
                    where);
  }
  for (const nlohmann::json& place :
       {description.config,
        arguments == description.config.end() ? nlohmann::json() : *arguments}) {
    const nlohmann::json pool =
        place.is_object() ? place.value("global_pool", nlohmann::json()) : nlohmann::json();
    if (!pool.is_null() && pool != "avg" && pool != "token" && pool != "map" &&
        !(pool.is_string() && pool.get_ref<const std::string&>().empty()))
      throw Error("timm's " + name + " with the pooling " + pool.dump() + " is not built", where);
  }
}

bool has_own_sizes(const hub::Description& description) {
  const auto arguments = description.config.find("model_args");
  if (arguments == description.config.end() || !arguments->is_object()) return false;
  return std::ranges::any_of(std::array{"embed_dim", "depth", "num_heads", "depths", "dims",
                                        "layers", "channels", "window_size"},
                             [&](const char* key) { return arguments->contains(key); });
}

}  // namespace retort::models
