#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace retort {

// Reserves a folder for one process by an exclusive flock on its file `.lock`, which is made where
// it is missing and never removed. The system releases the lock when the process ends, in whatever
// way. The lock also works between containers of one machine.
class FolderLock {
 public:
  // Makes the folder. Throws Error when another process holds the folder, naming it, and when the
  // folder cannot be written. On a file system without locks nothing is locked.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;

  // The process that holds the folder now, such as "process 12" or "process 12 on 'host'"; nothing
  // when none does. Writes nothing.
  static std::optional<std::string> holder(const std::filesystem::path& folder);

 private:
  int descriptor_ = -1;
};

// Throws the Error of a folder that another process holds.
[[noreturn]] void throw_in_use(const std::filesystem::path& folder, const std::string& holder);

}  // namespace retort
