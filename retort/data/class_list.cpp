#include "retort/data/class_list.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/data/listing.h"
#include "retort/data/manifest.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kByteOrderMark =
    "\xEF\xBB\xBF";                     // some editors begin a text file with it
constexpr size_t kMaxLabelBytes = 200;  // file systems take 255

void check_folder_name(const std::string& label, const std::string& where) {
  check_one_line(label, where);
  if (!is_label(label))
    throw Error(
        "the class " + quote_name(label) + " cannot be a folder's name", where,
        "leave out '/' and a '.' at the start; `LABEL: WORDS` lets prompts call it otherwise");
}

std::string spoken(std::string label) {
  std::ranges::replace(label, '_', ' ');
  return label;
}

ClassName class_on(const Line& line) {
  constexpr std::string_view kSeparator = ": ";
  const size_t separator = line.text.find(kSeparator);
  std::string label = line.text.substr(0, separator);
  check_folder_name(label, line.where);
  std::string words = separator == std::string::npos
                          ? spoken(label)
                          : line.text.substr(separator + kSeparator.size());
  check_one_line(words, line.where);
  return {std::move(label), std::move(words)};
}

std::vector<ClassName> listed_classes(const fs::path& file) {
  std::vector<ClassName> classes;
  std::map<std::string, std::string>
      seen;  // lower-case label to its line: some file systems ignore case
  std::vector<Line> lines = lines_of(file);
  if (!lines.empty() && lines[0].text.starts_with(kByteOrderMark))
    lines[0].text.erase(0, kByteOrderMark.size());
  for (const Line& line : lines) {
    classes.push_back(class_on(line));
    std::string folded = classes.back().label;
    std::ranges::transform(folded, folded.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto [first, fresh] = seen.emplace(folded, line.where);
    if (!fresh)
      throw Error("the class " + quote_name(classes.back().label) + " was there before, at " +
                      first->second,
                  line.where);
  }
  if (classes.empty()) throw Error("names no class", file.string(), "write one class a line");
  return classes;
}

}  // namespace

void check_one_line(const std::string& text, const std::string& where) {
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw Error("control characters in " + quote_name(text), where,
                "write it on one line, without tabs");
  try {
    static_cast<void>(nlohmann::json(text).dump());
  } catch (const nlohmann::json::exception&) {
    throw Error(quote_name(text) + " is not UTF-8", where, "save the file as UTF-8");
  }
}

bool is_label(const std::string& text) {
  return !text.empty() && text.size() <= kMaxLabelBytes && text[0] != '.' &&
         text.find('/') == std::string::npos;
}

std::vector<ClassName> read_classes(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && path.extension() != ".csv") return listed_classes(path);
  if (!fs::exists(path, ignored))
    throw Error("there is no such file or folder", path.string(),
                "give a text file with one class a line, or a data set");
  std::vector<ClassName> classes;
  ManifestOptions whole;
  whole.test_fraction = 0;  // else classes of two images would be too small
  for (const std::string& label : load_manifest(path, whole).classes) {
    check_folder_name(label, path.string());
    classes.push_back({label, spoken(label)});
  }
  return classes;
}

}  // namespace retort::data
