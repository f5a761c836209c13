#include "retort/hub/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/hub/reference.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

std::string folder_name(const std::string& repository) {
  std::string name = "models--" + repository;
  if (const size_t slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return name;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error("cannot make the folder: " + error.message(), folder.string(),
                "HF_HUB_CACHE names another place for the cache");
}

}  // namespace

RepositoryCache::RepositoryCache(const fs::path& cache, const std::string& repository)
    : folder_(cache / folder_name(repository)),
      locks_(cache / ".locks" / folder_name(repository)) {}

std::optional<std::string> RepositoryCache::commit_of(const std::string& revision) const {
  if (is_commit(revision)) return revision;
  const fs::path file = folder_ / "refs" / revision;
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  std::string commit = read_file(file, 1000);
  while (commit.ends_with('\n')) commit.pop_back();
  if (!is_commit(commit)) throw Error("does not hold a commit's name", file.string(), "remove it");
  return commit;
}

void RepositoryCache::set_commit(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path file = folder_ / "refs" / revision;
  std::error_code ignored;
  // The file is not written when nothing changes, because the cache may belong to another user.
  if (fs::is_regular_file(file, ignored) && read_file(file, 1000) == commit) return;
  remove_abandoned(file.parent_path());
  write_file_atomic(file, commit);  // several processes may write at once
}

void RepositoryCache::link(const std::string& etag, const std::string& commit,
                           const std::string& name) const {
  const fs::path place = snapshot(commit) / name;
  std::error_code error;
  if (fs::exists(place, error)) return;
  make_folder(place.parent_path());
  fs::remove(place, error);  // a link whose blob is gone
  fs::path target = "../..";
  for (auto slashes = std::ranges::count(name, '/'); slashes > 0; --slashes) target /= "..";
  fs::create_symlink(target / "blobs" / etag, place, error);
  if (!error || fs::exists(place)) return;
  fs::rename(blob(etag), place, error);
  if (error) throw Error("cannot be written: " + error.message(), place.string());
}

FileLock::FileLock(const fs::path& path, const std::function<void()>& wait) {
  make_folder(path.parent_path());
  for (;;) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
    if (descriptor_ < 0)
      throw Error(std::string("cannot be opened: ") + std::strerror(errno), path.string());
    const int reason = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    // On a file system without locks the checksum finds what two writers at once have damaged.
    if (reason == 0 || reason == ENOSYS || reason == ENOTSUP || reason == ENOLCK) return;
    ::close(descriptor_);
    descriptor_ = -1;
    wait();
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace retort::hub
