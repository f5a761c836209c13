#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace retort::fuzz {
namespace fs = std::filesystem;

InputFile::InputFile(std::string_view bytes) : descriptor_(::memfd_create("input", 0)) {
  if (descriptor_ < 0) std::abort();
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(descriptor_, bytes.data() + at, bytes.size() - at);
    if (written <= 0) std::abort();
    at += static_cast<size_t>(written);
  }
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

InputFile::~InputFile() { ::close(descriptor_); }

InputFolder::InputFolder(std::string_view bytes, std::initializer_list<std::string_view> allowed) {
  constexpr char kSeparator = '\x1E';
  const fs::path memory = "/dev/shm";
  std::error_code ignored;
  path_ = (fs::is_directory(memory, ignored) ? memory : fs::temp_directory_path()) /
          ("retort-fuzz-" + std::to_string(::getpid()));
  fs::create_directory(path_);
  const auto next = [&] {
    const size_t end = std::min(bytes.find(kSeparator), bytes.size());
    const std::string_view part = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return part;
  };
  while (!bytes.empty()) {
    const std::string_view name = next(), content = next();
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) continue;
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
}

InputFolder::~InputFolder() { fs::remove_all(path_); }

}  // namespace retort::fuzz
