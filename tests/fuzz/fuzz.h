#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "retort/core/error.h"

// Shared by the fuzzers. Each file beside this one has one libFuzzer target, or several for
// different kinds of input. A target aborts when anything but an Error leaves the parser.
namespace retort::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

template <typename Parse>
void expect_errors_only(Parse&& parse) {
  try {
    parse();
  } catch (const Error&) {
  }
}

// An input as a file in memory, for functions that read a file by its path.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::filesystem::path path_;
};

// An input as the files of a folder: names and contents alternate, each ended by the byte 0x1E
// except the last. Names that are not in `allowed` are skipped.
class InputFolder {
 public:
  InputFolder(std::string_view bytes, std::initializer_list<std::string_view> allowed);
  ~InputFolder();
  InputFolder(const InputFolder&) = delete;
  InputFolder& operator=(const InputFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace retort::fuzz
