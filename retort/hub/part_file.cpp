#include "retort/hub/part_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "retort/core/error.h"

namespace retort::hub {

namespace fs = std::filesystem;

PartFile::PartFile(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  if (error)
    throw Error("cannot make the folder: " + error.message(), path_.parent_path().string());
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
  struct stat info {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) fail("open");
  size_ = static_cast<uint64_t>(info.st_size);
}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PartFile::fail(const char* doing) const {
  throw Error(std::string("cannot ") + doing + ": " + std::strerror(errno), path_.string(),
              "check the folder's permissions and the free space on its disk; HF_HUB_CACHE names "
              "another place");
}

void PartFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    bytes.remove_prefix(static_cast<size_t>(written));
    size_ += static_cast<uint64_t>(written);
  }
}

void PartFile::restart() {
  if (::ftruncate(descriptor_, 0) != 0) fail("write");
  size_ = 0;
}

void PartFile::remove() {
  if (::unlink(path_.c_str()) != 0) fail("remove");
}

void PartFile::place(const fs::path& path) {
  if (::fsync(descriptor_) != 0) fail("write");
  if (::rename(path_.c_str(), path.c_str()) != 0) fail("rename");
}

}  // namespace retort::hub
