#include "retort/weights/weight_names.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::weights {
namespace {

// The names under which modules hold the network that they train, in order of preference.
// clang-format off
constexpr std::array<std::string_view, 33> kWrappers{
    "module", "ema_model", "model_ema", "ema", "averaged_model", "teacher", "teacher_model",
    "target_encoder", "target_network",
    "model", "net", "network", "_model", "base_model", "backbone", "encoder", "trunk",
    "feature_extractor", "features_extractor", "image_encoder", "visual_encoder", "vision_encoder",
    "visual.trunk", "student", "student_model", "online_model", "online_encoder", "online_network",
    "encoder_q", "base_encoder", "encoder_k", "momentum_encoder", "_forward_module"};
// clang-format on

// Parts that torch.compile, FSDP and its checkpointing insert anywhere in a name.
constexpr std::array<std::string_view, 3> kBetween{"_orig_mod.", "_fsdp_wrapped_module.",
                                                   "_checkpoint_wrapped_module."};

// Prefixes of what trains a network and is not part of it, where it is beside the network's own
// layers.
constexpr std::array<std::string_view, 10> kBeside{
    "criterion.", "loss.",       "loss_fn.", "projection_head.", "projector.",
    "predictor.", "prototypes.", "queue",    "train_metrics.",   "val_metrics."};

// Whether it is thop's count of operations or parameters, or the number of averaged weights.
bool is_counter(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last == "total_ops" || last == "total_params" || last == "n_averaged";
}

std::string without_between(std::string name) {
  for (const std::string_view part : kBetween)
    for (size_t at = name.find(part); at != std::string::npos; at = name.find(part, at))
      if (at == 0 || name[at - 1] == '.') {
        name.erase(at, part.size());
      } else {
        at += part.size();
      }
  return name;
}

// Drops the weights of losses and the heads of self-supervised training. MoCo v2 and SimCLR have a
// head of several layers in the place of a ResNet's classifier.
StateDict without_what_trains(const StateDict& state) {
  const bool has_projection = state.contains("fc.0.weight") && state.contains("fc.2.weight");
  const auto trains = [&](const std::string& name) {
    return (has_projection && name.starts_with("fc.")) ||
           std::ranges::any_of(kBeside,
                               [&](std::string_view part) { return name.starts_with(part); });
  };
  StateDict kept;
  for (const auto& entry : state)
    if (!trains(entry.first)) kept.insert(entry);
  return kept.empty() ? state : kept;
}

// The tensors whose names begin with `prefix`, without it.
StateDict below(const StateDict& state, const std::string& prefix) {
  StateDict found;
  for (auto at = state.lower_bound(prefix); at != state.end() && at->first.starts_with(prefix);
       ++at)
    found.emplace(at->first.substr(prefix.size()), at->second);
  return found;
}

// The wrapper's prefix that all names begin with, with its dot; empty without one.
std::string common_wrapper(const StateDict& state) {
  for (const std::string_view wrapper : kWrappers) {
    const std::string prefix = std::string(wrapper) + ".";
    if (!state.empty() && state.begin()->first.starts_with(prefix) &&
        state.rbegin()->first.starts_with(prefix))
      return prefix;
  }
  return "";
}

}  // namespace

StateDict plain_names(StateDict state, std::string& wanted) {
  StateDict plain;
  for (auto& [name, tensor] : state) {
    if (is_counter(name)) continue;
    const auto [at, is_new] = plain.emplace(without_between(name), std::move(tensor));
    if (!is_new)
      throw Error("holds the tensor " + quote_name(at->first) + " twice, under other wrappers");
  }
  for (std::string prefix = "."; !prefix.empty();) {
    if (StateDict part = wanted.empty() ? StateDict() : below(plain, wanted + "."); !part.empty()) {
      plain = std::move(part);
      wanted.clear();
    }
    plain = without_what_trains(plain);
    prefix = common_wrapper(plain);
    if (!prefix.empty()) plain = below(plain, prefix);
  }
  return plain;
}

std::vector<WeightPart> parts_of(const StateDict& state) {
  std::vector<WeightPart> parts;
  std::string all;
  for (const std::string_view wrapper : kWrappers) {
    StateDict part = below(state, std::string(wrapper) + ".");
    if (!part.empty()) parts.push_back({std::string(wrapper), plain_names(std::move(part), all)});
  }
  return parts;
}

}  // namespace retort::weights
