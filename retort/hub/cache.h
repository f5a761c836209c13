#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace retort::hub {

// The files of one repository in the hub's cache, laid out as by Python's huggingface_hub:
//   models--org--name/blobs/ETAG               the bytes
//   models--org--name/blobs/ETAG.incomplete    what arrived of them
//   models--org--name/snapshots/COMMIT/NAME    a relative link to a blob
//   models--org--name/refs/REVISION            a commit's name
//   .locks/models--org--name/ETAG.lock         locked (flock) by who downloads that blob
class RepositoryCache {
 public:
  RepositoryCache(const std::filesystem::path& cache, const std::string& repository);

  std::filesystem::path blob(const std::string& etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path part(const std::string& etag) const {
    return folder_ / "blobs" / (etag + ".incomplete");
  }
  std::filesystem::path snapshot(const std::string& commit) const {
    return folder_ / "snapshots" / commit;
  }
  std::filesystem::path lock(const std::string& etag) const { return locks_ / (etag + ".lock"); }

  // The commit that a revision meant when the hub was last asked; for a commit, the commit itself.
  // Nothing where that is not known. Throws Error on a malformed file.
  std::optional<std::string> commit_of(const std::string& revision) const;
  void set_commit(const std::string& revision, const std::string& commit) const;

  // Puts a blob into a snapshot, as a relative link. Where the file system has no links, the blob
  // is moved there. Throws Error when that fails.
  void link(const std::string& etag, const std::string& commit, const std::string& name) const;

 private:
  std::filesystem::path folder_, locks_;
};

// Holds an exclusive flock on a file, which is made where it is missing and never removed. `wait`
// is called between tries while another process holds the lock, and may throw. On a file system
// without locks nothing is locked.
class FileLock {
 public:
  FileLock(const std::filesystem::path& path, const std::function<void()>& wait);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace retort::hub
