#include "retort/data/record.h"

#include <charconv>
#include <span>
#include <string>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/layouts.h"
#include "retort/data/window.h"

namespace retort::data {
namespace fs = std::filesystem;

std::optional<Record> record_of(const fs::path& path) {
  const std::string& text = path.native();
  const size_t mark = text.rfind(".bin#");
  if (mark == std::string::npos) return std::nullopt;
  const size_t hash = mark + 4;
  int64_t number = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + hash + 1, end, number);
  if (error != std::errc() || stop != end || number < 0) return std::nullopt;
  return Record{text.substr(0, hash), number};
}

Image read_image(const fs::path& path, int64_t enough) {
  const std::optional<Record> record = record_of(path);
  if (!record) return decode_file(path, enough);
  const Layout* layout = layout_of(record->file.parent_path());
  if (layout == nullptr || layout->record == nullptr)
    throw Error("its folder is no data set whose files hold several images", path.string(),
                "the CIFAR binary versions are");
  return layout->record(record->file, record->number);
}

Part read_part(const fs::path& path, const Window& window, int64_t enough) {
  if (!record_of(path)) {
    const std::string data = read_file(path);
    return decode_part(std::as_bytes(std::span(data)), path.string(), window, enough);
  }
  return part_of(read_image(path), window, path.string());
}

}  // namespace retort::data
