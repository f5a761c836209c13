#include "retort/core/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "retort/core/error.h"

namespace retort {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kTemporary = ".tmp";
constexpr size_t kRandomDigits = 16;

bool is_temporary(const std::string& name) {
  if (name.size() <= kTemporary.size() + kRandomDigits) return false;
  const std::string_view end =
      std::string_view(name).substr(name.size() - kTemporary.size() - kRandomDigits);
  return end.starts_with(kTemporary) &&
         end.find_first_not_of("0123456789abcdef", kTemporary.size()) == end.npos;
}

// Whether the file still has a name: remove_abandoned() may remove it between open and flock.
bool is_linked(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && info.st_nlink > 0;
}

}  // namespace

std::string random_name() {
  uint64_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits))
    throw Error("the system gives no random numbers");
  char text[kRandomDigits + 1];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

void remove_abandoned(const fs::path& folder, bool below) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    if (!below) it.disable_recursion_pending();
    if (is_temporary(it->path().filename().string()) && it->is_regular_file(ignored))
      found.push_back(it->path());
  }
  for (const fs::path& path : found) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
    ::close(descriptor);
  }
}

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  std::error_code error;
  if (fs::is_directory(path, error)) throw Error("is a folder, not a file", path.string());
  const uint64_t size = fs::file_size(path, error);
  if (error) throw Error("cannot be read: " + error.message(), path.string());
  if (size > max_bytes)
    throw Error("is larger (" + std::to_string(size) + " bytes) than " + std::to_string(max_bytes) +
                    " bytes",
                path.string());
  std::ifstream stream(path, std::ios::binary);
  std::string data(size, '\0');
  if (!stream || !stream.read(data.data(), static_cast<std::streamsize>(size)))
    throw Error("cannot be read", path.string());
  return data;
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  if (path_.has_parent_path()) {
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    if (error)
      throw Error("cannot make the folder: " + error.message(), path_.parent_path().string());
  }
  for (;;) {
    temporary_ = path_;
    temporary_ += std::string(kTemporary) + random_name();
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) fail("open");
    static_cast<void>(
        ::flock(descriptor_, LOCK_EX));  // without locks, remove_abandoned() removes nothing
    if (is_linked(descriptor_)) return;
    ::close(descriptor_);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* doing) const {
  throw Error(std::string("cannot ") + doing + ": " + std::strerror(errno), path_.string(),
              "check the folder's permissions and the free space on its disk");
}

void AtomicFile::write(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    data = data.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::write(std::string_view data) { write(std::as_bytes(std::span(data))); }

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("write");
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    errno = reason;
    fail("rename into place");
  }
}

void write_file_atomic(const fs::path& path, std::string_view data) {
  AtomicFile file(path);
  file.write(data);
  file.commit();
}

MappedFile::MappedFile(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (descriptor < 0 || ::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    const std::string reason = descriptor < 0 ? std::strerror(errno) : "not a regular file";
    if (descriptor >= 0) ::close(descriptor);
    throw Error("cannot be read: " + reason, path.string());
  }
  size_ = static_cast<size_t>(info.st_size);
  if (size_ > 0) {
    void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) {
      ::close(descriptor);
      throw Error(std::string("cannot be mapped: ") + std::strerror(errno), path.string());
    }
    data_ = static_cast<const std::byte*>(address);
  }
  ::close(descriptor);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

fs::path default_cache_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (const fs::path own = variable("RETORT_CACHE"); !own.empty()) return own;
  if (const fs::path xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "retort";
  const fs::path home = variable("HOME");
  return home.empty() ? fs::temp_directory_path() / "retort-cache" : home / ".cache" / "retort";
}

uint64_t free_bytes(const fs::path& folder) {
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!fs::exists(existing, error) && existing.has_relative_path())
    existing = existing.parent_path();
  const fs::space_info space = fs::space(existing, error);
  return error ? std::numeric_limits<uint64_t>::max() : space.available;
}

}  // namespace retort
