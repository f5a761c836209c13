#include "retort/run/seen_images.h"

#include <ATen/ops/tensor.h>

#include <algorithm>

#include "retort/core/error.h"
#include "retort/core/safetensors.h"

namespace retort::run {
namespace {

constexpr std::array kSplits{data::Split::test, data::Split::val, data::Split::train};
int64_t print_of(const Hash128& hash) { return static_cast<int64_t>(hash.high); }

}  // namespace

SeenImages::SeenImages(const data::Manifest& used, const ListedData& listed) {
  size_t at = 0;  // index in `listed`, whose items have the same order
  for (const data::Item& item : used.items) {
    while (listed.manifest.items.at(at).path != item.path) ++at;
    if (const data::FileHash& hash = listed.hashes[at++])
      prints_[static_cast<size_t>(item.split)].push_back(print_of(*hash));
  }
  for (auto& prints : prints_) std::ranges::sort(prints);
}

bool SeenImages::holds(data::Split split, const data::FileHash& hash) const {
  return hash && std::ranges::binary_search(prints_[static_cast<size_t>(split)], print_of(*hash));
}

std::optional<data::Split> SeenImages::split_of(const data::FileHash& hash) const {
  for (const data::Split split : kSplits)
    if (holds(split, hash)) return split;
  return std::nullopt;
}

void SeenImages::write(const RunFolder& folder) const {
  StateDict tensors;
  for (const data::Split split : kSplits)
    tensors[data::to_string(split)] = at::tensor(prints_[static_cast<size_t>(split)], at::kLong);
  write_safetensors(folder.images(), tensors);
}

std::optional<SeenImages> SeenImages::read(const RunFolder& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder.images(), error)) return std::nullopt;
  SeenImages seen;
  try {
    const StateDict tensors = read_safetensors(folder.images()).tensors;
    for (const data::Split split : kSplits) {
      const auto found = tensors.find(data::to_string(split));
      if (found == tensors.end() || found->second.scalar_type() != at::kLong) return std::nullopt;
      const auto* first = found->second.const_data_ptr<int64_t>();
      auto& prints = seen.prints_[static_cast<size_t>(split)];
      prints.assign(first, first + found->second.numel());
      std::ranges::sort(prints);
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return seen;
}

}  // namespace retort::run
