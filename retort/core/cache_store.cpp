#include "retort/core/cache_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/text.h"

namespace retort {
namespace fs = std::filesystem;
namespace {

constexpr std::array<const char*, 2> kKinds{"images", "teacher"};
constexpr const char* kTrash = "trash";
constexpr const char* kVariable = "RETORT_CACHE_SIZE";
constexpr size_t kMostAbout = 16384;

fs::path folder_of(const fs::path& cache, const std::string& kind, const std::string& key) {
  return cache / kind / key;
}
fs::path about_of(const fs::path& cache, const std::string& kind, const std::string& key) {
  return cache / kind / (key + ".txt");
}

// Another process may have removed the file, or have made it anew, since it was opened.
bool is_still(const fs::path& path, int descriptor) {
  struct stat open {
  }, named{};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

// Opens the file, making it where it is missing, and locks it with `lock`. With `wait`, waits while
// another process holds the lock, which removing or inspecting a store takes briefly, and on a file
// system without locks returns the file unlocked. Returns -1 where this fails.
int open_locked(const fs::path& path, int lock, bool wait) {
  for (;;) {
    int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    const int problem = ::flock(descriptor, lock | LOCK_NB) == 0 ? 0 : errno;
    if (problem == 0 && is_still(path, descriptor)) return descriptor;
    const bool no_locks = problem != 0 && problem != EWOULDBLOCK && problem != EINTR;
    if (no_locks && wait) return descriptor;
    ::close(descriptor);
    if (no_locks || (problem == EWOULDBLOCK && !wait)) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

void write_about(int descriptor, const About& about) {
  std::string text;
  for (const auto& [name, value] : about) text += name + ": " + one_line(value) + "\n";
  static_cast<void>(::pwrite(descriptor, text.data(), text.size(), 0) < 0);  // only people read it
}

About read_about(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostAbout, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  About about;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (const size_t colon = line.find(": "); colon != line.npos)
      about.emplace_back(one_line(line.substr(0, colon)), one_line(line.substr(colon + 2)));
    at = end + 1;
  }
  return about;
}

uint64_t bytes_in(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    if (const uint64_t size = it->file_size(ignored); !ignored) bytes += size;
  }
  return bytes;
}

std::time_t changed(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mtim.tv_sec : 0;
}

// Unlike open_locked(), this makes no file.
bool used_by_another(const fs::path& about) {
  const int descriptor = ::open(about.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool used = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return used;
}

// Returns false where the store is in use or cannot be removed.
bool remove_store(const fs::path& cache, const StoreInfo& store) {
  const fs::path about = about_of(cache, store.kind, store.key);
  const int lock = open_locked(about, LOCK_EX, false);
  if (lock < 0) return false;
  std::error_code error;
  fs::create_directories(cache / kTrash, error);
  const fs::path trash = cache / kTrash / (store.key + "-" + random_name());
  std::error_code missing;
  const bool has_folder = fs::exists(folder_of(cache, store.kind, store.key), missing);
  if (has_folder) fs::rename(folder_of(cache, store.kind, store.key), trash, error);
  if (!error) ::unlink(about.c_str());
  ::close(lock);
  if (error) return false;
  fs::remove_all(trash, error);
  return true;
}

// Removes what a killed removal left.
void empty_trash(const fs::path& cache) {
  std::error_code ignored;
  fs::remove_all(cache / kTrash, ignored);
}

}  // namespace

std::shared_ptr<const StoreUse> StoreUse::begin(const fs::path& cache, const std::string& kind,
                                                const std::string& key, const About& about,
                                                Log& log) {
  std::error_code error;
  if (!fs::exists(folder_of(cache, kind, key), error)) keep_bound(cache, log);
  fs::create_directories(cache / kind, error);
  const fs::path path = about_of(cache, kind, key);
  const int descriptor = open_locked(path, LOCK_SH, true);
  if (descriptor >= 0) {
    struct stat info {};
    if (::fstat(descriptor, &info) == 0 && info.st_size == 0) write_about(descriptor, about);
    ::futimens(descriptor, nullptr);
  }
  auto use = std::make_shared<const StoreUse>(descriptor);
  remove_abandoned(folder_of(cache, kind, key));
  return use;
}

StoreUse::~StoreUse() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string StoreInfo::line(const std::string& name) const {
  const auto found =
      std::ranges::find_if(about, [&](const auto& one) { return one.first == name; });
  return found == about.end() ? "" : found->second;
}

std::vector<StoreInfo> stores_in(const fs::path& cache) {
  std::vector<StoreInfo> stores;
  for (const char* kind : kKinds) {
    std::set<std::string> keys;
    std::error_code error;
    for (fs::directory_iterator it(cache / kind, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      const fs::path& path = it->path();
      if (it->is_directory(ignored))
        keys.insert(path.filename().string());
      else if (path.extension() == ".txt")
        keys.insert(path.stem().string());
    }
    for (const std::string& key : keys) {
      const fs::path folder = folder_of(cache, kind, key), about = about_of(cache, kind, key);
      const bool described = fs::exists(about, error);
      stores.push_back({.kind = kind,
                        .key = key,
                        .about = read_about(about),
                        .bytes = bytes_in(folder),
                        .last_used = changed(described ? about : folder),
                        .in_use = used_by_another(about)});
    }
  }
  std::ranges::stable_sort(
      stores, [](const StoreInfo& a, const StoreInfo& b) { return a.last_used > b.last_used; });
  return stores;
}

std::vector<StoreInfo> prune(const fs::path& cache, const PruneRules& rules, std::time_t now) {
  empty_trash(cache);
  std::vector<StoreInfo> stores = stores_in(cache), removed;
  uint64_t left = 0;
  for (const StoreInfo& store : stores) left += store.bytes;
  for (auto store = stores.rbegin(); store != stores.rend(); ++store) {
    const bool old = rules.older_than && now - store->last_used > *rules.older_than;
    const bool beyond = rules.max_bytes && left > *rules.max_bytes && store->bytes > 0;
    if ((!old && !beyond) || !remove_store(cache, *store)) continue;
    left -= store->bytes;
    removed.push_back(*store);
  }
  return removed;
}

uint64_t cache_bound(const fs::path& cache) {
  constexpr uint64_t kShare = 4;
  const char* value = std::getenv(kVariable);
  if (value != nullptr && *value != '\0')
    return std::string(value) == "none" ? std::numeric_limits<uint64_t>::max()
                                        : parse_bytes(value, std::string("$") + kVariable);
  std::error_code error;
  fs::path existing = fs::absolute(cache, error);
  while (!fs::exists(existing, error) && existing.has_relative_path())
    existing = existing.parent_path();
  const fs::space_info space = fs::space(existing, error);
  return error ? std::numeric_limits<uint64_t>::max() : space.capacity / kShare;
}

void keep_bound(const fs::path& cache, Log& log) {
  const uint64_t bound = cache_bound(cache);
  std::error_code error;
  if (bound == std::numeric_limits<uint64_t>::max() || !fs::exists(cache, error)) return;
  const std::vector<StoreInfo> removed =
      prune(cache, {.max_bytes = bound, .older_than = std::nullopt});
  if (removed.empty()) return;
  uint64_t bytes = 0;
  for (const StoreInfo& store : removed) bytes += store.bytes;
  log.info("the cache " + cache.string() + " was beyond its bound of " + bytes_text(bound) + " (" +
           kVariable + "): " + std::to_string(removed.size()) +
           (removed.size() == 1 ? " store" : " stores") + " that were used longest ago, " +
           bytes_text(bytes) + ", are removed; they are made again where they are needed");
}

uint64_t parse_bytes(const std::string& text, const std::string& option) {
  const std::string_view word = trimmed(text);
  double value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  std::string_view unit(end, static_cast<size_t>(word.data() + word.size() - end));
  if (unit.ends_with("iB"))
    unit.remove_suffix(2);
  else if (unit.ends_with('B'))
    unit.remove_suffix(1);
  unit = trimmed(unit);
  const std::string_view units = "KMGT";
  const size_t power = unit.empty() ? 0 : unit.size() == 1 ? units.find(unit[0]) + 1 : 0;
  const bool known = unit.empty() || (unit.size() == 1 && units.find(unit[0]) != units.npos);
  const double bytes = std::ldexp(value, static_cast<int>(10 * power));
  if (problem != std::errc() || !known || !(bytes >= 0) || bytes > 1e18)
    throw UsageError("'" + one_line(text) + "' is no size", option, "write 500M, 20G or 1.5T");
  return static_cast<uint64_t>(bytes);
}

std::string bytes_text(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[40];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace retort
