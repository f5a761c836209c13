#include "retort/data/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/data/decode.h"
#include "retort/data/image_kind.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

bool is_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_directory(ignored);
}

// Pictures in a folder that is passed over, which may be one that nobody may read.
int64_t pictures_passed(const fs::path& folder) {
  int64_t count = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    count += !is_folder(*it) && picture_at(it->path()) == Picture::image ? 1 : 0;
  return count;
}

// Whether it is a link to the folder that it lies in, or to one above it.
bool leads_back(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code error;
  if (!entry.is_symlink(error) || !is_folder(entry)) return false;
  const fs::path target = fs::canonical(entry.path(), error);
  if (error) return false;
  const fs::path from = fs::canonical(folder, error);
  return !error && std::ranges::mismatch(target, from).in1 == target.end();
}

// The entries that are people's own, sorted; the others are counted.
std::vector<fs::directory_entry> entries_in(const fs::path& folder, PassedOver& passed) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::string kind = leftover_kind(it->path().filename().string());
    if (kind.empty() && is_folder(*it) && is_own_output(it->path())) kind = kOwnOutput;
    if (kind.empty() && leads_back(*it, folder)) {
      ++passed[kLinkBack];
    } else if (kind.empty()) {
      entries.push_back(*it);
    } else {
      passed[kind] += is_folder(*it) ? std::max<int64_t>(1, pictures_passed(it->path())) : 1;
    }
  }
  if (error)
    throw Error("the folder cannot be read: " + error.message(), printable(folder.string()),
                "check its permissions");
  std::sort(entries.begin(), entries.end());
  return entries;
}

// Pipes and devices would block or never end.
bool can_be_read(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.is_regular_file(ignored) || (entry.is_symlink(ignored) && !entry.exists(ignored));
}

// The real folders that were seen: links may lead back.
class Visited {
 public:
  bool enter(const fs::path& folder) {
    struct stat info {};
    return ::stat(folder.c_str(), &info) != 0 || seen_.emplace(info.st_dev, info.st_ino).second;
  }

 private:
  std::set<std::pair<dev_t, ino_t>> seen_;
};

class Walk {
 public:
  void visit(const fs::path& folder, const std::string& prefix) {
    if (!visited_.enter(folder)) return;
    for (const fs::directory_entry& entry : entries_in(folder, found.passed)) {
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
  Visited visited_;
};

}  // namespace

FolderContent content_of(const fs::path& folder) {
  FolderContent content;
  for (const fs::directory_entry& entry : entries_in(folder, content.passed)) {
    if (is_folder(entry)) {
      content.folders.push_back(entry.path().filename().string());
    } else if (picture_at(entry.path()) == Picture::image && can_be_read(entry)) {
      ++content.images;
    }
  }
  return content;
}

std::vector<std::string> folders_in(const fs::path& folder) { return content_of(folder).folders; }

std::string archives_noted(const fs::path& folder) {
  static const std::set<std::string> kinds = {".zip", ".tar", ".tgz", ".tbz", ".txz", ".gz",
                                              ".bz2", ".xz",  ".zst", ".7z",  ".rar"};
  std::vector<std::string> names;
  PassedOver ignored;
  for (const fs::directory_entry& entry : entries_in(folder, ignored))
    if (!is_folder(entry) && kinds.contains(lower_extension(entry.path())))
      names.push_back(entry.path().filename().string());
  if (names.empty()) return "";
  return ", but the archive " + quote_name(names.front()) +
         (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

bool has_pictures(const fs::path& folder) {
  Visited visited;
  const std::function<bool(const fs::path&)> look = [&](const fs::path& at) {
    if (!visited.enter(at)) return false;
    std::vector<fs::directory_entry> entries;
    PassedOver ignored;
    try {
      entries = entries_in(at, ignored);
    } catch (const Error&) {
      return false;  // who reads it says so
    }
    return std::ranges::any_of(entries,
                               [](const auto& entry) {
                                 return !is_folder(entry) &&
                                        picture_at(entry.path()) != Picture::no;
                               }) ||
           std::ranges::any_of(
               entries, [&](const auto& entry) { return is_folder(entry) && look(entry.path()); });
  };
  return look(folder);
}

Pictures pictures_below(const fs::path& folder) {
  Walk walk;
  walk.visit(folder, "");
  std::sort(walk.found.images.begin(), walk.found.images.end());
  return std::move(walk.found);
}

}  // namespace retort::data
