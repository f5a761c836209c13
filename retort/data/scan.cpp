#include "retort/data/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/data/decode.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

std::vector<fs::directory_entry> entries_in(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) entries.push_back(*it);
  }
  if (error) throw Error("the folder cannot be read: " + error.message(), folder.string(), "check its permissions");
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_directory(ignored);
}

// Pipes and devices would block or never end.
bool can_be_read(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) || (entry.is_symlink(ignored) && !entry.exists(ignored));
}

// The extensions of pictures that people have beside those that we decode; else nothing.
std::string unread_kind(const fs::path& path) {
  static const std::set<std::string> kinds{".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".tif", ".tiff"};
  const std::string kind = lower_extension(path);
  return kinds.contains(kind) ? kind : "";
}

class Walk {
 public:
  using Wanted = bool (*)(const fs::path& file);
  explicit Walk(Wanted wanted) : wanted_(wanted) {}

  void visit(const fs::path& folder, const std::string& prefix) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) == 0 && !visited_.emplace(info.st_dev, info.st_ino).second) return;
    for (const fs::directory_entry& entry : entries_in(folder)) {
      const std::string path = prefix + entry.path().filename().string();
      if (is_folder(entry)) {
        visit(entry.path(), path + "/");
      } else if (wanted_(entry.path()) && can_be_read(entry)) {
        found.push_back(path);
      }
    }
  }
  std::vector<std::string> found;

 private:
  Wanted wanted_;
  std::set<std::pair<dev_t, ino_t>> visited_;
};

}  // namespace

std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries_in(folder)) {
    if (is_folder(entry)) names.push_back(entry.path().filename().string());
  }
  return names;
}

std::vector<std::string> images_below(const fs::path& folder) {
  Walk walk(is_image_name);
  walk.visit(folder, "");
  std::sort(walk.found.begin(), walk.found.end());
  return std::move(walk.found);
}

void warn_of_unread(const fs::path& root, const std::set<std::string>& folders, Log& log) {
  Walk walk([](const fs::path& file) { return !unread_kind(file).empty(); });
  try {
    for (const std::string& folder : folders) walk.visit(root / folder, folder.empty() ? "" : folder + "/");
  } catch (const Error& error) {
    log.warn(error.what());
  }
  if (walk.found.empty()) return;
  std::set<std::string> kinds;
  for (const std::string& file : walk.found) kinds.insert(unread_kind(file));
  std::string named;
  for (const std::string& kind : kinds) named += (named.empty() ? "" : " ") + kind;
  log.warn("left out: " + std::to_string(walk.found.size()) + (walk.found.size() == 1 ? " picture" : " pictures") +
           " of kinds that are not read (" + named + "), the first " + (root / std::ranges::min(walk.found)).string() +
           "; JPEG, PNG and WebP are read");
}

}  // namespace retort::data
