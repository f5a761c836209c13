#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace retort {

// Keeps a folder for one process by an exclusive flock on its file `.lock`, which is made where it
// is missing and stays. The system releases the lock when the process ends, in whatever way. It
// holds between the containers of one machine, too.
class FolderLock {
 public:
  // Makes the folder. Throws Error, naming the process, when another has it, and when the folder
  // cannot be written. A file system that knows no locks locks nothing.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;

  // The process that has the folder now, as "process 12"; nothing when none has. Writes nothing.
  static std::optional<std::string> holder(const std::filesystem::path& folder);

 private:
  int descriptor_ = -1;
};

// Throws the Error of a folder that another process holds.
[[noreturn]] void throw_in_use(const std::filesystem::path& folder, const std::string& holder);

}  // namespace retort
