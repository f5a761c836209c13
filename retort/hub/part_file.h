#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace retort::hub {

// What has arrived of a file. An unfinished one stays, for the next process that asks for the file.
class PartFile {
 public:
  // Opens or makes it, and the folder above it.
  explicit PartFile(std::filesystem::path path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  void restart();  // empties it
  void remove();
  // Flushes it to the disk and renames it: readers see the whole file or none.
  void place(const std::filesystem::path& path);

 private:
  [[noreturn]] void fail(const char* doing) const;
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace retort::hub
