#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "retort/core/cache_store.h"
#include "retort/core/log.h"
#include "retort/core/ranks.h"

namespace retort {

// Several ranks compute a part each in turn, into one folder: rank `first` the first one.
struct PartSharing {
  Ranks& ranks = alone();
  int64_t first = 0;
};

// Rows of fp16 features on disk, computed once in parts of at most kRows rows, each part an
// atomically written, checksummed safetensors file: a killed computation goes on where it was, and
// a damaged part is computed again.
class FeatureParts {
 public:
  static constexpr int64_t kRows = 1024;  // of each part but the last
  // The path of a part's file.
  static std::filesystem::path path(const std::filesystem::path& folder, int64_t part);

  using Compute = std::function<at::Tensor(int64_t first, int64_t count)>;  // float [count, D]
  // `meter` counts rows. Throws Error when features are not finite or beyond fp16's range,
  // Interrupted on stop.
  static FeatureParts open(const std::filesystem::path& folder, const std::string& key,
                           int64_t rows, int64_t dim, const Compute& compute, Meter& meter,
                           const StopFlag& stop, const PartSharing& sharing = {});

  // fp16, [rows, D] of one part, memory-mapped.
  const std::vector<at::Tensor>& parts() const { return parts_; }
  // Whether the row was on disk before open().
  bool was_there(int64_t row) const;
  // The D values of one row.
  const at::Half* row(int64_t number) const;
  // All rows as float [rows, D], copied into memory.
  at::Tensor all() const;
  // Keeps the cache's store in use for as long as these parts are.
  void hold(std::shared_ptr<const StoreUse> use) { use_ = std::move(use); }

 private:
  std::shared_ptr<const StoreUse> use_;
  int64_t dim_ = 0;
  std::vector<at::Tensor> parts_;
  std::vector<bool> were_there_;  // of each part
};

}  // namespace retort
