#include "retort/data/content.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/data/record.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

std::string hash_of_bytes(const fs::path& file) try {
  std::error_code error;
  if (fs::file_size(file, error) == 0) return hash_hex("");  // an empty file cannot be mapped
  return hash_hex(MappedFile(file).bytes());
} catch (const Error&) {
  return kUnreadable;
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error)) files.push_back(it->path());
  std::ranges::sort(files);
  return files;
}

// By file: several items may be records of one.
std::map<fs::path, std::string> hashes_of(const Manifest& manifest, Log& log,
                                          const StopFlag& stop) {
  std::map<fs::path, std::string> hashes;
  for (size_t i = 0; i < manifest.items.size(); ++i)
    hashes.emplace(manifest.file(static_cast<int64_t>(i)), "");
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

std::vector<std::string> computed(const Manifest& manifest, Log& log, const StopFlag& stop) {
  const std::map<fs::path, std::string> hashes = hashes_of(manifest, log, stop);
  std::vector<std::string> items;
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    const std::string& hash = hashes.at(manifest.file(static_cast<int64_t>(i)));
    const std::optional<Record> record = record_of(manifest.items[i].path);
    items.push_back(record ? hash_hex(hash + "#" + std::to_string(record->number)) : hash);
  }
  return items;
}

// One hash a line, or nothing where the file is not there or not whole.
std::vector<std::string> kept_hashes(const fs::path& file, size_t count) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  const std::string text = read_file(file);
  std::vector<std::string> hashes;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    hashes.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return hashes.size() == count ? hashes : std::vector<std::string>{};
}

}  // namespace

std::string file_hash(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return hash_of_bytes(path);
  Hasher hasher;
  for (const fs::path& file : files_below(path))
    hasher.text(file.lexically_relative(path).string()).text(hash_of_bytes(file));
  return hasher.hex();
}

std::vector<std::string> item_hashes(const Manifest& manifest, const fs::path& cache_dir, Log& log,
                                     const StopFlag& stop) {
  const fs::path kept = cache_dir / "contents" / manifest.digest();
  std::vector<std::string> hashes = kept_hashes(kept, manifest.items.size());
  if (!hashes.empty() || manifest.items.empty()) return hashes;
  hashes = computed(manifest, log, stop);
  std::string text;
  for (const std::string& hash : hashes) text += hash + "\n";
  remove_abandoned(kept.parent_path(), /*below=*/false);
  write_file_atomic(kept, text);
  return hashes;
}

std::string content_hash(const Manifest& manifest, const std::vector<std::string>& hashes) {
  Hasher hasher;
  hasher.text("content-1").number(static_cast<int64_t>(manifest.classes.size()));
  for (const std::string& name : manifest.classes) hasher.text(name);
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    const Item& item = manifest.items[i];
    hasher.text(item.path)
        .number(item.label)
        .number(static_cast<int64_t>(item.split))
        .text(hashes[i]);
  }
  return hasher.hex();
}

std::string content_hash(const Manifest& manifest, const fs::path& cache_dir, Log& log,
                         const StopFlag& stop) {
  return content_hash(manifest, item_hashes(manifest, cache_dir, log, stop));
}

Twins find_twins(const Manifest& manifest, const std::vector<std::string>& hashes) {
  const auto hashes_in = [&](Split split) {
    std::set<std::string> found;
    for (const int64_t item : manifest.of(split)) found.insert(hashes[static_cast<size_t>(item)]);
    found.erase(kUnreadable);
    return found;
  };
  const std::set<std::string> val = hashes_in(Split::val), test = hashes_in(Split::test);
  Twins twins;
  for (const int64_t item : manifest.of(Split::train)) {
    const std::string& hash = hashes[static_cast<size_t>(item)];
    if (val.contains(hash)) twins.train_of_val.push_back(item);
    if (test.contains(hash)) twins.train_of_test.push_back(item);
  }
  twins.val_of_test =
      std::ranges::count_if(val, [&](const std::string& hash) { return test.contains(hash); });
  return twins;
}

}  // namespace retort::data
