#include "retort/core/feature_parts.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <ATen/ATen.h>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/safetensors.h"

namespace retort {
namespace fs = std::filesystem;
namespace {

std::string checksum(const at::Tensor& rows) { return hash_hex(bytes_of(rows)); }

// Reads a part from disk; an undefined tensor means that it has to be computed.
at::Tensor read_part(const fs::path& path, const std::string& key, int64_t rows, int64_t dim) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  try {
    const TensorFile file = read_safetensors(path);
    at::Tensor features = file.tensors.at("features");
    if (file.metadata.at("key") != key || features.sizes() != at::IntArrayRef({rows, dim}) ||
        features.scalar_type() != at::kHalf)
      return {};
    if (file.metadata.at("checksum") != checksum(features)) return {};
    return features;
  } catch (const Error&) {
    return {};  // damaged: computed again
  } catch (const std::out_of_range&) {
    return {};
  }
}

at::Tensor compute_part(const FeatureParts::Compute& compute, int64_t first, int64_t count) {
  const at::Tensor features = compute(first, count);
  const at::Tensor half = features.to(at::kHalf).contiguous();
  if (!at::isfinite(half).all().item<bool>())
    throw Error("the teacher's features are not finite, or too large for fp16", "",
                "check the weight file (retort inspect), or try --precision fp32");
  return half;
}

}  // namespace

fs::path FeatureParts::path(const fs::path& folder, int64_t part) {
  char name[64];
  std::snprintf(name, sizeof name, "part-%06lld.safetensors", static_cast<long long>(part));
  return folder / name;
}

FeatureParts FeatureParts::open(const fs::path& folder, const std::string& key, int64_t rows,
                                int64_t dim, const Compute& compute, Meter& meter,
                                const StopFlag& stop, const PartSharing& sharing) {
  FeatureParts store;
  store.dim_ = dim;
  const auto count_of = [rows](int64_t part) { return std::min(kRows, rows - part * kRows); };
  const int64_t parts = (rows + kRows - 1) / kRows, ranks = sharing.ranks.size();
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t count = count_of(part);
    at::Tensor features = read_part(path(folder, part), key, count, dim);
    store.were_there_.push_back(features.defined());
    if (features.defined() || (sharing.first + part) % ranks != sharing.ranks.rank()) {
      meter.found(count);
    } else {
      check_stop(stop, "computing the teacher's features");
      const at::Tensor computed = compute_part(compute, part * kRows, count);
      write_safetensors(path(folder, part), {{"features", computed}},
                        {{"key", key}, {"checksum", checksum(computed)}});
      meter.add(count);
    }
    store.parts_.push_back(features);
  }
  meet(sharing.ranks);
  for (int64_t part = 0; part < parts; ++part) {
    at::Tensor& features = store.parts_[static_cast<size_t>(part)];
    if (!features.defined()) features = read_part(path(folder, part), key, count_of(part), dim);
    if (!features.defined())
      throw Error("does not read back as it was written", path(folder, part).string(),
                  ranks == 1 ? "check the disk"
                             : "check the disk; all processes need one --cache, on a disk that "
                               "they share");
  }
  return store;
}

const at::Half* FeatureParts::row(int64_t number) const {
  const at::Tensor& part = parts_[static_cast<size_t>(number / kRows)];
  return part.const_data_ptr<at::Half>() + (number % kRows) * part.size(1);
}

bool FeatureParts::was_there(int64_t row) const {
  return were_there_[static_cast<size_t>(row / kRows)];
}

at::Tensor FeatureParts::all() const {
  return parts_.empty() ? at::empty({0, dim_}) : at::cat(parts_).to(at::kFloat);
}

}  // namespace retort
