#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace retort::hub {

// A partly downloaded file. It stays on disk until it is placed or removed, for the next process
// that downloads the file. Each function throws Error when the file cannot be written.
class PartFile {
 public:
  // Opens the file, or makes it and its folder.
  explicit PartFile(std::filesystem::path path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  void append(std::string_view bytes);
  void restart();  // empties it
  void remove();
  // Flushes the file to the disk and renames it to `path`: readers see the whole file or none.
  void place(const std::filesystem::path& path);

 private:
  [[noreturn]] void fail(const char* doing) const;
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace retort::hub
