#include "retort/data/listing.h"

#include <algorithm>
#include <charconv>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/text.h"
#include "retort/core/unicode.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxListBytes = uint64_t{1} << 30;
}  // namespace

std::vector<Line> lines_of(const fs::path& file) {
  const std::string text = decoded_text(read_file(file, kMaxListBytes), printable(file.string()));
  std::vector<Line> lines;
  int64_t number = 1;
  for (size_t start = 0; start < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', start), text.size());
    std::string line(trimmed(std::string_view(text).substr(start, end - start)));
    if (!line.empty())
      lines.push_back({std::move(line), printable(file.string()) + ":" + std::to_string(number)});
    start = end + 1;
  }
  return lines;
}

int64_t number_in(const std::string& text, const std::string& where) {
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size())
    throw Error(quote_name(text) + " is not a whole number", where);
  return number;
}

std::map<int64_t, Line> numbered_lines_of(const fs::path& file) {
  std::map<int64_t, Line> lines;
  for (Line& line : lines_of(file)) {
    const size_t blank = line.text.find_first_of(" \t");
    if (blank == std::string::npos)
      throw Error(quote_name(line.text) + " is not a number, a blank, and what it stands for",
                  line.where);
    const int64_t number = number_in(line.text.substr(0, blank), line.where);
    line.text = trimmed(line.text.substr(blank));
    const std::string where = line.where;
    const auto [first, fresh] = lines.emplace(number, std::move(line));
    if (!fresh)
      throw Error(
          "the number " + std::to_string(number) + " was there before, at " + first->second.where,
          where);
  }
  return lines;
}

std::optional<std::string> listed_path(const fs::path& root, const std::string& text) {
  std::string slashes = text;
  std::ranges::replace(slashes, '\\', '/');
  for (const std::string& name : {text, slashes, composed(slashes), decomposed(slashes)}) {
    std::string path = fs::path(name).lexically_normal().generic_string();
    std::error_code ignored;
    if (fs::is_regular_file(root / path, ignored)) return path;
  }
  return std::nullopt;
}

std::string listed_file(const fs::path& root, const std::string& folder, const std::string& name,
                        const std::string& where) {
  const fs::path path = fs::path(name).lexically_normal();
  if (path.is_absolute() || path.empty() || *path.begin() == "..")
    throw Error(quote_name(name) + " does not lie in the folder", where,
                "paths are relative to " + printable((root / folder).string()));
  const std::string listed = (fs::path(folder) / path).generic_string();
  const std::optional<std::string> found = listed_path(root, listed);
  if (!found || !found->starts_with(fs::path(folder).lexically_normal().generic_string() + "/"))
    throw Error("there is no file " + quote_name(listed), where,
                "unpack the data set's images into " + printable((root / folder).string()));
  return *found;
}

std::string class_folder(const std::string& path, const std::string& where) {
  const size_t slash = path.find('/');
  if (slash == 0 || slash == std::string::npos)
    throw Error(quote_name(path) + " does not name a class's folder", where,
                "lines are class/file.jpg");
  return path.substr(0, slash);
}

bool has_file(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  return fs::is_regular_file(folder / name, ignored);
}

bool has_folder(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  return fs::is_directory(folder / name, ignored);
}

}  // namespace retort::data
