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

// How several ranks share the parts of one folder: rank (first + part) % size computes a part.
struct PartSharing {
  Ranks& ranks = alone();
  int64_t first = 0;
};

// Rows of fp16 features on disk, in parts of at most kRows rows. Each part is a safetensors file
// with a checksum and is written atomically: a killed computation continues with the next part, and
// a damaged part is computed again.
class FeatureParts {
 public:
  static constexpr int64_t kRows = 1024;  // of each part but the last
  // The path of a part's file.
  static std::filesystem::path path(const std::filesystem::path& folder, int64_t part);

  using Compute = std::function<at::Tensor(int64_t first, int64_t count)>;  // float [count, D]
  // Reads the parts that are in the folder and computes the others. `meter` counts rows. Throws
  // Error when features are not finite in fp16 or a part cannot be read back, and Interrupted on
  // stop.
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
  std::vector<bool> were_there_;  // for each part, whether open() found it
};

}  // namespace retort
