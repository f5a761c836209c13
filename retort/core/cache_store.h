#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retort/core/log.h"

namespace retort {

// What a store holds, for people: lines "name: value", such as "data: /home/me/photos".
using About = std::vector<std::pair<std::string, std::string>>;

// A store is a folder of the cache, CACHE/KIND/KEY, whose files can be made again from what its key
// stands for. Beside it lies KEY.txt, which says what it holds. Every process that uses the store
// holds a shared lock (flock) on that file, and the file's modification time is when a process last
// began to use the store.
class StoreUse {
 public:
  // Makes KEY.txt where it is missing, and holds it: prune() leaves the store alone until the last
  // copy is gone. Sweeps what killed processes left in the store. A cache that cannot be written is
  // used as it is. Where the store is new, the cache is kept within its bound first (keep_bound).
  static std::shared_ptr<const StoreUse> begin(const std::filesystem::path& cache,
                                               const std::string& kind, const std::string& key,
                                               const About& about, Log& log = null_log());
  explicit StoreUse(int descriptor) : descriptor_(descriptor) {}
  ~StoreUse();
  StoreUse(const StoreUse&) = delete;
  StoreUse& operator=(const StoreUse&) = delete;

 private:
  int descriptor_;
};

struct StoreInfo {
  std::string kind, key;
  About about;  // empty where nothing says it
  uint64_t bytes = 0;
  std::time_t last_used = 0;
  bool in_use = false;
  // The about line of this name, or "".
  std::string line(const std::string& name) const;
};

// Every store of the cache, those used last first. A folder that is not there has none.
std::vector<StoreInfo> stores_in(const std::filesystem::path& cache);

struct PruneRules {
  // Of all stores together; those that were used longest ago are removed first.
  std::optional<uint64_t> max_bytes;
  std::optional<std::time_t> older_than;  // seconds since a store was used
};

// Removes stores that nobody uses and that either rule names, and what killed removals left. A
// store is renamed first, so that it is there as a whole or not at all. Returns what it removed.
std::vector<StoreInfo> prune(const std::filesystem::path& cache, const PruneRules& rules,
                             std::time_t now = std::time(nullptr));

// The bytes that stores may take: $RETORT_CACHE_SIZE ("40G"; "none" for no bound), else a quarter
// of the cache's disk. Throws UsageError on a value that cannot be meant.
uint64_t cache_bound(const std::filesystem::path& cache);

// Removes what is beyond cache_bound(), and says so in the log.
void keep_bound(const std::filesystem::path& cache, Log& log);

// "500M", "20G", "1.5T" or plain bytes; K is 1024. Throws UsageError naming the option.
uint64_t parse_bytes(const std::string& text, const std::string& option);
// "1.5 GiB"
std::string bytes_text(uint64_t bytes);

}  // namespace retort
