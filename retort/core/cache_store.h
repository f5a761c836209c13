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
  // Makes KEY.txt where it is missing, and locks it: prune() leaves the store alone until the last
  // copy of the returned pointer is gone. Removes temporary files that killed processes left in the
  // store. Does not fail on a cache that cannot be written: the store is then not locked. Where the
  // store is new, first keeps the cache within its bound (keep_bound).
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
  About about;  // empty where KEY.txt is missing
  uint64_t bytes = 0;
  std::time_t last_used = 0;
  bool in_use = false;
  // The value of `about` with this name, or "".
  std::string line(const std::string& name) const;
};

// Every store of the cache, the most recently used first; none where the folder does not exist.
std::vector<StoreInfo> stores_in(const std::filesystem::path& cache);

struct PruneRules {
  // The size of all stores together; the least recently used are removed first.
  std::optional<uint64_t> max_bytes;
  std::optional<std::time_t> older_than;  // seconds since a store was used
};

// Removes stores that are not in use and that one of the rules selects, and what killed removals
// left. A store is renamed before its files are removed, so that no process sees a part of it.
// Returns what it removed.
std::vector<StoreInfo> prune(const std::filesystem::path& cache, const PruneRules& rules,
                             std::time_t now = std::time(nullptr));

// The bytes that stores may take: $RETORT_CACHE_SIZE ("40G"; "none" for no bound), else a quarter
// of the cache's disk. Throws UsageError on another value.
uint64_t cache_bound(const std::filesystem::path& cache);

// Removes the least recently used stores until the rest fit into cache_bound(), and logs it.
void keep_bound(const std::filesystem::path& cache, Log& log);

// "500M", "20G", "1.5T" or plain bytes; K is 1024. Throws UsageError naming the option.
uint64_t parse_bytes(const std::string& text, const std::string& option);
// "1.5 GiB"
std::string bytes_text(uint64_t bytes);

}  // namespace retort
