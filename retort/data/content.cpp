#include "retort/data/content.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr size_t kHexDigits = 32;

std::string hash_of_bytes(const fs::path& file) try {
  std::error_code error;
  if (fs::file_size(file, error) == 0) return hash_hex("");  // an empty file cannot be mapped
  return hash_hex(MappedFile(file).bytes());
} catch (const Error&) {
  return "unreadable";
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->is_regular_file(error)) files.push_back(it->path());
  std::ranges::sort(files);
  return files;
}

// By file: several items may be records of one.
std::map<fs::path, std::string> hashes_of(const Manifest& manifest, Log& log, const StopFlag& stop) {
  std::map<fs::path, std::string> hashes;
  for (size_t i = 0; i < manifest.items.size(); ++i) hashes.emplace(manifest.file(static_cast<int64_t>(i)), "");
  std::vector<std::pair<const fs::path, std::string>*> todo;
  for (auto& entry : hashes) todo.push_back(&entry);
  Meter meter(log, "reading the data set's files", static_cast<int64_t>(todo.size()));
  std::mutex counting;
  std::atomic<size_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t /*first*/, int64_t /*last*/) {
    for (size_t i = next++; i < todo.size() && !stop.load(std::memory_order_relaxed); i = next++) {
      todo[i]->second = hash_of_bytes(todo[i]->first);
      const std::lock_guard lock(counting);
      meter.add(1);
    }
  });
  check_stop(stop, "reading the data set's files");
  return hashes;
}

std::string computed(const Manifest& manifest, Log& log, const StopFlag& stop) {
  const std::map<fs::path, std::string> hashes = hashes_of(manifest, log, stop);
  Hasher hasher;
  hasher.text("content-1").number(static_cast<int64_t>(manifest.classes.size()));
  for (const std::string& name : manifest.classes) hasher.text(name);
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    const Item& item = manifest.items[i];
    hasher.text(item.path).number(item.label).number(static_cast<int64_t>(item.split));
    hasher.text(hashes.at(manifest.file(static_cast<int64_t>(i))));
  }
  return hasher.hex();
}

}  // namespace

std::string file_hash(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return hash_of_bytes(path);
  Hasher hasher;
  for (const fs::path& file : files_below(path)) hasher.text(file.lexically_relative(path).string()).text(hash_of_bytes(file));
  return hasher.hex();
}

std::string content_hash(const Manifest& manifest, const fs::path& cache_dir, Log& log, const StopFlag& stop) {
  const fs::path kept = cache_dir / "contents" / manifest.digest();
  std::error_code error;
  if (fs::exists(kept, error)) {
    const std::string hash = read_file(kept, 1 << 10);
    if (hash.size() == kHexDigits && hash.find_first_not_of("0123456789abcdef") == std::string::npos) return hash;
  }
  const std::string hash = computed(manifest, log, stop);
  write_file_atomic(kept, hash);
  return hash;
}

}  // namespace retort::data
