#include "retort/data/content.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/data/record.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

// Takes the place of a hash where a file cannot be read.
constexpr const char* kUnreadable = "unreadable";

FileHash hash_of_bytes(const fs::path& file) try {
  std::error_code error;
  if (fs::file_size(file, error) == 0) return hash_of({});  // an empty file cannot be mapped
  return hash_of(MappedFile(file).bytes());
} catch (const Error&) {
  return std::nullopt;
}

std::string text_of(const FileHash& hash) { return hash ? hash->hex() : kUnreadable; }

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error)) files.push_back(it->path());
  std::ranges::sort(files);
  return files;
}

// The hashes of `count` files; file(i) is the path of the i-th.
std::vector<FileHash> hashes_of(size_t count, const std::function<fs::path(size_t)>& file, Log& log,
                                const StopFlag& stop) {
  std::vector<FileHash> hashes(count);
  Meter meter(log, "reading the data set's files", static_cast<int64_t>(count));
  std::mutex counting;
  std::atomic<size_t> next{0};
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t /*first*/, int64_t /*last*/) {
    for (size_t i = next++; i < count && !stop.load(std::memory_order_relaxed); i = next++) {
      hashes[i] = hash_of_bytes(file(i));
      const std::lock_guard lock(counting);
      meter.add(1);
    }
  });
  check_stop(stop, "reading the data set's files");
  return hashes;
}

// The hashes of items that are records; each file is read once.
std::vector<FileHash> hashes_of_records(const Manifest& manifest, Log& log, const StopFlag& stop) {
  std::map<fs::path, size_t> numbers;
  for (int64_t i = 0; i < std::ssize(manifest.items); ++i) numbers.emplace(manifest.file(i), 0);
  std::vector<fs::path> files;
  for (auto& [file, number] : numbers) {
    number = files.size();
    files.push_back(file);
  }
  const std::vector<FileHash> of_files = hashes_of(
      files.size(), [&](size_t i) { return files[i]; }, log, stop);
  std::vector<FileHash> hashes;
  for (int64_t i = 0; i < std::ssize(manifest.items); ++i) {
    FileHash hash = of_files[numbers.at(manifest.file(i))];
    const auto record = record_of(manifest.items[static_cast<size_t>(i)].path);
    if (record && hash) hash = Hasher().text(hash->hex()).number(record->number).hash();
    hashes.push_back(hash);
  }
  return hashes;
}

std::vector<FileHash> computed(const Manifest& manifest, Log& log, const StopFlag& stop) {
  if (std::ranges::any_of(manifest.items,
                          [](const Item& item) { return record_of(item.path).has_value(); }))
    return hashes_of_records(manifest, log, stop);
  return hashes_of(
      manifest.items.size(), [&](size_t i) { return manifest.file(static_cast<int64_t>(i)); }, log,
      stop);
}

// Reads one hash a line; nothing where the file is missing or does not have `count` lines.
std::vector<FileHash> kept_hashes(const fs::path& file, size_t count) {
  std::error_code error;
  if (!fs::exists(file, error)) return {};
  const std::string text = read_file(file);
  std::vector<FileHash> hashes;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    hashes.push_back(hash_from(line));
    if (!hashes.back() && line != kUnreadable) return {};
    start = end + 1;
  }
  return hashes.size() == count ? hashes : std::vector<FileHash>{};
}

}  // namespace

std::string file_hash(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return text_of(hash_of_bytes(path));
  Hasher hasher;
  for (const fs::path& file : files_below(path))
    hasher.text(file.lexically_relative(path).string()).text(text_of(hash_of_bytes(file)));
  return hasher.hex();
}

std::vector<FileHash> item_hashes(const Manifest& manifest, const fs::path& cache_dir, Log& log,
                                  const StopFlag& stop) {
  const fs::path kept = cache_dir / "contents" / manifest.digest();
  std::vector<FileHash> hashes = kept_hashes(kept, manifest.items.size());
  if (!hashes.empty() || manifest.items.empty()) return hashes;
  hashes = computed(manifest, log, stop);
  std::string text;
  for (const FileHash& hash : hashes) text += text_of(hash) + "\n";
  remove_abandoned(kept.parent_path(), /*below=*/false);
  write_file_atomic(kept, text);
  return hashes;
}

std::string content_hash(const Manifest& manifest, const std::vector<FileHash>& hashes) {
  Hasher hasher;
  hasher.text("content-1").number(static_cast<int64_t>(manifest.classes.size()));
  for (const std::string& name : manifest.classes) hasher.text(name);
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    const Item& item = manifest.items[i];
    hasher.text(item.path)
        .number(item.label)
        .number(static_cast<int64_t>(item.split))
        .text(text_of(hashes[i]));
  }
  return hasher.hex();
}

std::string content_hash(const Manifest& manifest, const fs::path& cache_dir, Log& log,
                         const StopFlag& stop) {
  return content_hash(manifest, item_hashes(manifest, cache_dir, log, stop));
}

Twins find_twins(const Manifest& manifest, const std::vector<FileHash>& hashes) {
  const auto hash_of_item = [&](int64_t item) { return hashes[static_cast<size_t>(item)]; };
  const auto hashes_in = [&](Split split) {
    std::vector<FileHash> found;
    for (const int64_t item : manifest.of(split))
      if (hash_of_item(item)) found.push_back(hash_of_item(item));
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  };
  const std::vector<FileHash> val = hashes_in(Split::val), test = hashes_in(Split::test);
  Twins twins;
  for (const int64_t item : manifest.of(Split::train)) {
    if (std::ranges::binary_search(val, hash_of_item(item))) twins.train_of_val.push_back(item);
    if (std::ranges::binary_search(test, hash_of_item(item))) twins.train_of_test.push_back(item);
  }
  twins.val_of_test = std::ranges::count_if(
      val, [&](const FileHash& hash) { return std::ranges::binary_search(test, hash); });
  return twins;
}

}  // namespace retort::data
