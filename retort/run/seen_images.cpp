#include "retort/run/seen_images.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "retort/core/error.h"
#include "retort/core/safetensors.h"

namespace retort::run {
namespace {

constexpr std::array kSplits{data::Split::test, data::Split::val, data::Split::train};
constexpr size_t kDigits = 16;

// Nothing for what is no hash, as that of a file that cannot be read.
std::optional<int64_t> print_of(const std::string& hash) {
  uint64_t bits = 0;
  if (hash.size() < kDigits) return std::nullopt;
  const auto [end, error] = std::from_chars(hash.data(), hash.data() + kDigits, bits, 16);
  if (error != std::errc() || end != hash.data() + kDigits) return std::nullopt;
  return static_cast<int64_t>(bits);
}

}  // namespace

SeenImages::SeenImages(const data::Manifest& used, const ListedData& listed) {
  std::map<std::string_view, const std::string*> hash_of;
  for (size_t i = 0; i < listed.hashes.size(); ++i)
    hash_of[listed.manifest.items[i].path] = &listed.hashes[i];
  for (const data::Item& item : used.items)
    if (const auto print = print_of(*hash_of.at(item.path)))
      prints_[static_cast<size_t>(item.split)].push_back(*print);
  for (auto& prints : prints_) std::ranges::sort(prints);
}

bool SeenImages::holds(data::Split split, const std::string& hash) const {
  const std::optional<int64_t> print = print_of(hash);
  return print && std::ranges::binary_search(prints_[static_cast<size_t>(split)], *print);
}

std::optional<data::Split> SeenImages::split_of(const std::string& hash) const {
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
