#include "retort/models/unread_networks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "retort/core/error.h"

namespace retort::models {
namespace {

struct UnreadNetwork {
  std::string_view tensor;  // part of a name that only this network's tensors have
  const char* name;
};
constexpr std::array kUnread{
    UnreadNetwork{".attn.rel_pos_h",
                  "the image tower of SAM, whose attention knows relative places"},
    UnreadNetwork{".token_mixer.",
                  "a FastViT or MetaFormer, such as the image tower of MobileCLIP"},
};

}  // namespace

void refuse_unread_networks(const StateDict& state, const std::string& where) {
  for (const UnreadNetwork& network : kUnread) {
    const auto is_its = [&](const auto& named) {
      return named.first.find(network.tensor) != std::string::npos;
    };
    if (std::ranges::any_of(state, is_its))
      throw Error(std::string("holds ") + network.name + ": no family of retort's builds it", where,
                  "export it (TorchScript, or ONNX) and give that file, or take a teacher of a "
                  "family in `retort list teachers`");
  }
}

}  // namespace retort::models
