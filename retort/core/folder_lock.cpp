#include "retort/core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort {
namespace fs = std::filesystem;
namespace {

std::string host() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// The name of the lock's holder, from the process id and the host that it wrote into the file. The
// host is shown where it is another: in another container the same id is another process.
std::string named_in(int descriptor) {
  char text[300] = "";
  const ssize_t size = ::pread(descriptor, text, sizeof text - 1, 0);
  const std::string_view all(text, size > 0 ? static_cast<size_t>(size) : 0);
  const size_t blank = all.find(' ');
  int64_t process = 0;
  const std::string_view digits = all.substr(0, blank);
  if (blank == all.npos ||
      std::from_chars(digits.data(), digits.data() + digits.size(), process).ec != std::errc())
    return "a process";
  const std::string machine(all.substr(blank + 1, all.find('\n') - blank - 1));
  return "process " + std::to_string(process) +
         (machine == host() ? "" : " on " + quote_name(machine));
}

void write_name(int descriptor) {
  const std::string text = std::to_string(::getpid()) + " " + host() + "\n";
  if (::ftruncate(descriptor, 0) == 0)
    static_cast<void>(::pwrite(descriptor, text.data(), text.size(), 0) < 0);  // for messages only
}

// Tries several times: FolderLock::holder() in another process takes the lock for a moment.
bool is_taken(int descriptor) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

void throw_in_use(const fs::path& folder, const std::string& holder) {
  throw Error("is in use: " + holder + " is at work in it", folder.string(),
              "wait for it, or choose another --out");
}

FolderLock::FolderLock(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Error("cannot make the folder: " + error.message(), folder.string(),
                error == std::errc::not_a_directory || error == std::errc::file_exists
                    ? "a part of this path is a file: choose another --out"
                    : "check the permissions, or choose another --out");
  descriptor_ = ::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw Error(std::string("cannot be written: ") + std::strerror(errno), folder.string(),
                "check the folder's permissions and the free space on its disk");
  if (is_taken(descriptor_)) {
    const std::string holder = named_in(descriptor_);
    ::close(descriptor_);
    throw_in_use(folder, holder);
  }
  write_name(descriptor_);
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

std::optional<std::string> FolderLock::holder(const fs::path& folder) {
  const int descriptor = ::open((folder / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  std::optional<std::string> name;
  if (::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    name = named_in(descriptor);
  ::close(descriptor);
  return name;
}

}  // namespace retort
