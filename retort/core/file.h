#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

namespace retort {

// The whole file as bytes. Throws Error when it is a folder, cannot be read, or is larger than
// max_bytes.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes = uint64_t{1} << 32);

// A file that is written under a temporary name in the same folder and renamed on commit(), after
// fsync: readers see the old file or the new one, never a part. A file that is not committed is
// removed. The temporary name is random and not a process id, because two containers may both be
// process 1. The file is locked (flock) while it is written, so that remove_abandoned() can tell
// what a killed process left. Makes the folder. Each function throws Error, naming the path.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view data);
  void write(std::span<const std::byte> data);
  void commit();

 private:
  void fail(const char* doing) const;
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

void write_file_atomic(const std::filesystem::path& path, std::string_view data);

// Sixteen random hexadecimal digits. Throws Error when the system gives no random numbers.
std::string random_name();

// Removes the temporary files that AtomicFiles of killed processes left in the folder and, with
// `below`, in all folders below it. Files that are being written stay.
void remove_abandoned(const std::filesystem::path& folder, bool below = true);

// A read-only memory map. Throws Error when the file cannot be opened or mapped, or is not a
// regular file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Where retort keeps what can be made again: $RETORT_CACHE, else $XDG_CACHE_HOME/retort, else
// ~/.cache/retort, else (without $HOME) retort-cache in the folder for temporary files.
std::filesystem::path default_cache_dir();

// The free bytes of the disk that holds the folder, or would hold it; the largest uint64_t where
// the system does not say.
uint64_t free_bytes(const std::filesystem::path& folder);

}  // namespace retort
