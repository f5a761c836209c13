#include "retort/data/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/data/image_kind.h"

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

class Walk {
 public:
  void visit(const fs::path& folder, const std::string& prefix) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) == 0 && !visited_.emplace(info.st_dev, info.st_ino).second) return;
    for (const fs::directory_entry& entry : entries_in(folder)) {
      const std::string path = prefix + entry.path().filename().string();
      if (is_folder(entry)) {
        visit(entry.path(), path + "/");
        continue;
      }
      const Picture picture = picture_at(entry.path());
      if (picture == Picture::image && can_be_read(entry)) found.images.push_back(path);
      if (picture == Picture::unread) found.unread.push_back(path);
    }
  }
  Pictures found;

 private:
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

Pictures pictures_below(const fs::path& folder) {
  Walk walk;
  walk.visit(folder, "");
  std::sort(walk.found.images.begin(), walk.found.images.end());
  return std::move(walk.found);
}

}  // namespace retort::data
