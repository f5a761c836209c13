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

// The number of images in a folder that is passed over; folders without permission count as empty.
int64_t pictures_passed(const fs::path& folder) {
  int64_t count = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error))
    count += !is_folder(*it) && picture_at(it->path()) == Picture::image ? 1 : 0;
  return count;
}

// The type of an entry, or of a link's target. It is asked for once, because each request is a
// system call. A link to nothing is not_found.
fs::file_type type_of(const fs::directory_entry& entry) {
  std::error_code ignored;
  return entry.status(ignored).type();
}

// Whether the entry is a link to the folder that contains it, or to one above that.
bool leads_back(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code error;
  if (!entry.is_symlink(error)) return false;
  const fs::path target = fs::canonical(entry.path(), error);
  if (error) return false;
  const fs::path from = fs::canonical(folder, error);
  return !error && std::ranges::mismatch(target, from).in1 == target.end();
}

// Calls visit(entry, type) with the user's own entries, in any order, until it returns false; the
// others are counted in `passed`.
template <typename Visit>
void each_entry(const fs::path& folder, PassedOver& passed, const Visit& visit) {
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::file_type type = type_of(*it);
    const bool is_directory = type == fs::file_type::directory;
    std::string kind = leftover_kind(it->path().filename().string());
    if (kind.empty() && is_directory && is_own_output(it->path())) kind = kOwnOutput;
    if (!kind.empty()) {
      passed[kind] += is_directory ? std::max<int64_t>(1, pictures_passed(it->path())) : 1;
    } else if (is_directory && leads_back(*it, folder)) {
      ++passed[kLinkBack];
    } else if (!visit(*it, type)) {
      return;
    }
  }
  if (error)
    throw Error("the folder cannot be read: " + error.message(), printable(folder.string()),
                "check its permissions");
}

// Whether the entry is a file, or a link to nothing, which is reported when it is read. Pipes and
// devices would block or never end.
bool can_be_read(fs::file_type type) {
  return type == fs::file_type::regular || type == fs::file_type::not_found ||
         type == fs::file_type::none;
}

// The folders that were visited, by inode: links may lead back to them.
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
    std::vector<std::string> folders;
    each_entry(folder, found.passed, [&](const fs::directory_entry& entry, fs::file_type type) {
      std::string name = entry.path().filename().string();
      if (type == fs::file_type::directory) {
        folders.push_back(std::move(name));
        return true;
      }
      const Picture picture = picture_at(entry.path());
      if (picture == Picture::image && can_be_read(type)) found.images.push_back(prefix + name);
      if (picture == Picture::unread) found.unread.push_back(prefix + name);
      return true;
    });
    std::ranges::sort(folders);
    for (const std::string& name : folders) visit(folder / name, prefix + name + "/");
  }
  Pictures found;

 private:
  Visited visited_;
};

}  // namespace

FolderContent content_of(const fs::path& folder) {
  FolderContent content;
  each_entry(folder, content.passed, [&](const fs::directory_entry& entry, fs::file_type type) {
    if (type == fs::file_type::directory) {
      content.folders.push_back(entry.path().filename().string());
    } else if (picture_at(entry.path()) == Picture::image && can_be_read(type)) {
      ++content.images;
    }
    return true;
  });
  std::ranges::sort(content.folders);
  return content;
}

std::vector<std::string> folders_in(const fs::path& folder) { return content_of(folder).folders; }

std::string archives_noted(const fs::path& folder) {
  static const std::set<std::string> kinds = {".zip", ".tar", ".tgz", ".tbz", ".txz", ".gz",
                                              ".bz2", ".xz",  ".zst", ".7z",  ".rar"};
  std::vector<std::string> names;
  PassedOver ignored;
  each_entry(folder, ignored, [&](const fs::directory_entry& entry, fs::file_type type) {
    if (type != fs::file_type::directory && kinds.contains(lower_extension(entry.path())))
      names.push_back(entry.path().filename().string());
    return true;
  });
  std::ranges::sort(names);
  if (names.empty()) return "";
  return ", but the archive " + quote_name(names.front()) +
         (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

bool has_pictures(const fs::path& folder) {
  Visited visited;
  const std::function<bool(const fs::path&)> look = [&](const fs::path& at) {
    if (!visited.enter(at)) return false;
    std::vector<fs::path> folders;
    bool found = false;
    PassedOver ignored;
    try {
      each_entry(at, ignored, [&](const fs::directory_entry& entry, fs::file_type type) {
        if (type == fs::file_type::directory)
          folders.push_back(entry.path());
        else
          found = picture_at(entry.path()) != Picture::no;
        return !found;
      });
    } catch (const Error&) {
      return false;  // reading the folder reports it
    }
    return found || std::ranges::any_of(folders, look);
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
