#include "retort/data/csv_manifest.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/csv.h"
#include "retort/data/decode.h"
#include "retort/data/entries.h"
#include "retort/data/listing.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr const char* kHeaderMend =
    "start the file with the line `path,label,split`, or `path,label`";

// Names that other programs give our columns, as plain_name() writes them. Our own comes first.
using Synonyms = std::vector<const char*>;
const Synonyms kPaths = {"path",      "paths",     "file",    "files", "filename", "filenames",
                         "filepath",  "filepaths", "fname",   "image", "images",   "imagepath",
                         "imagefile", "imagename", "imageid", "img",   "imgpath",  "imgname",
                         "relpath",   "picture",   "photo"};
const Synonyms kLabels = {"label",     "labels",     "labelname", "class",        "classes",
                          "classname", "classlabel", "category",  "categoryname", "categories",
                          "target",    "tag",        "species",   "groundtruth"};
const Synonyms kSplits = {"split",     "splits",  "set",   "subset",
                          "partition", "dataset", "phase", "usage"};

struct Columns {
  size_t path, label;
  std::optional<size_t> split;
  size_t count;
  char separator;
};

std::string plain_name(const std::string& name) {
  std::string plain = folded(name);
  std::erase_if(plain, [](char c) { return c == ' ' || c == '_' || c == '-' || c == '.'; });
  return plain;
}

std::string list_of_fields(const CsvRow& row) {
  constexpr size_t kMost = 8;
  std::string list;
  for (size_t i = 0; i < std::min(row.fields.size(), kMost); ++i)
    list += (i == 0 ? "" : ", ") + quote_name(row.fields[i]);
  return row.fields.size() > kMost ? list + ", …" : list;
}

// The column with our own name, else the only one with another of the names. Throws Error where
// there are several.
std::optional<size_t> column_among(const CsvRow& header, const Synonyms& names,
                                   const std::string& where) {
  std::vector<size_t> exact, other;
  for (size_t i = 0; i < header.fields.size(); ++i) {
    const std::string plain = plain_name(header.fields[i]);
    if (plain == names.front()) exact.push_back(i);
    if (std::ranges::find(names, plain) != names.end()) other.push_back(i);
  }
  const std::vector<size_t>& found = exact.empty() ? other : exact;
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    const std::string first = quote_name(header.fields[found[0]]),
                      second = quote_name(header.fields[found[1]]);
    throw Error(first == second ? "the column " + first + " appears twice"
                                : "both " + first + " and " + second + " could be the column `" +
                                      names.front() + "`",
                where, std::string("call one of them `") + names.front() + "`, and no other");
  }
  return found.front();
}

Columns columns_of(const Table& table, const std::string& file, std::vector<Note>& notes) {
  const CsvRow& header = table.rows.front();
  const std::string where = file + ":" + std::to_string(header.line);
  const std::optional<size_t> path = column_among(header, kPaths, where),
                              label = column_among(header, kLabels, where);
  if (!path || !label)
    throw Error("the header needs a column `path` and a column `label`; its columns, between " +
                    separator_name(table.separator) + ", are " + list_of_fields(header),
                where, kHeaderMend);
  const Columns columns{*path, *label, column_among(header, kSplits, where), header.fields.size(),
                        table.separator};
  std::string guessed;
  const auto guess = [&](size_t column, const char* name) {
    if (header.fields[column] != name)
      guessed += (guessed.empty() ? "" : ", ") + quote_name(header.fields[column]) + " as " + name;
  };
  guess(columns.path, "path");
  guess(columns.label, "label");
  if (columns.split) guess(*columns.split, "split");
  if (!guessed.empty()) notes.push_back({"columns: " + guessed});
  if (table.separator != ',')
    notes.push_back({"fields are separated by " + separator_name(table.separator)});
  return columns;
}

// Removes empty fields that spreadsheets add at the end of rows, and checks the number of fields.
void check_count(CsvRow& row, const Columns& columns, const std::string& where) {
  while (row.fields.size() > columns.count && row.fields.back().empty()) row.fields.pop_back();
  if (row.fields.size() == columns.count) return;
  const std::string what = "has " + std::to_string(row.fields.size()) +
                           (row.fields.size() == 1 ? " field" : " fields") + ", the header has " +
                           std::to_string(columns.count);
  for (const char other : {';', '\t', ',', '|'}) {
    if (row.fields.size() == 1 && other != columns.separator &&
        row.fields[0].find(other) != std::string::npos)
      throw Error(what + ": its fields are separated by " + separator_name(other) +
                      ", the header's by " + separator_name(columns.separator),
                  where, "separate all lines, the header too, in one way");
  }
  throw Error(
      what, where,
      row.fields.size() > columns.count
          ? "put fields that hold " + separator_name(columns.separator) + " in double quotes"
          : "give every line a field for each column of the header");
}

bool is_windows_path(const std::string& path) {
  return path.starts_with("\\\\") ||
         (path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/'));
}

[[noreturn]] void missing(const std::string& path, const fs::path& root, const std::string& where) {
  const std::string what = "there is no file " + quote_name(path);
  if (!is_utf8(path)) throw Error(what, where, "save the list as UTF-8 (in Excel: CSV UTF-8)");
  if (is_windows_path(path))
    throw Error(what + ": it is a path on a Windows machine", where,
                "write paths relative to the CSV file");
  std::error_code ignored;
  if (fs::is_directory(root / path, ignored))
    throw Error(quote_name(path) + " is a folder, not a file", where);
  throw Error(
      what, where,
      "paths are relative to the CSV file, in " + printable(fs::absolute(root, ignored).string()));
}

class CsvReader {
 public:
  CsvReader(fs::path file, const ManifestOptions& options)
      : file_(std::move(file)),
        name_(printable(file_.string())),
        root_(file_.parent_path()),
        options_(options) {}

  Manifest read() {
    std::string bytes = read_file(file_);
    refuse_others(bytes);
    Table table = parse_table(std::move(bytes), name_);
    if (table.rows.empty()) throw Error("is empty", name_, kHeaderMend);
    const Columns columns = columns_of(table, name_, found_.notes);
    if (table.rows.size() == 1)
      throw Error("holds a header, but no images", name_, "add a line for each image");
    for (size_t i = 1; i < table.rows.size(); ++i) add_row(table.rows[i], columns);
    if (slashes_ > 0)
      found_.notes.push_back(
          {"paths of " + std::to_string(slashes_) + " lines are read with / for \\"});
    return assemble(root_, std::move(found_), options_, name_);
  }

 private:
  // Refuses other kinds of files that people give by mistake.
  void refuse_others(std::string_view bytes) const {
    using namespace std::string_view_literals;
    const auto refuse = [&](const char* what, const char* mend) { throw Error(what, name_, mend); };
    constexpr const char* kUnpack = "unpack it, and give --data the folder that it makes";
    if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06"))
      refuse(lower_extension(file_) == ".xlsx" ? "is a workbook of Excel's, not a CSV file"
                                               : "is a zip archive, not a folder or a CSV file",
             lower_extension(file_) == ".xlsx" ? "save it as CSV UTF-8" : kUnpack);
    for (const std::string_view start :
         {"\x1f\x8b"sv, "BZh"sv,
          "\xFD"
          "7zXZ\0"sv,
          "\x28\xB5\x2F\xFD"sv, "7z\xBC\xAF\x27\x1C"sv, "Rar!\x1A"sv})
      if (bytes.starts_with(start))
        refuse("is an archive or a compressed file, not a folder or a CSV file", kUnpack);
    if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar")
      refuse("is a tar archive, not a folder or a CSV file", kUnpack);
    if (is_image_name(file_) || bytes.starts_with("\xFF\xD8\xFF") || bytes.starts_with("\x89PNG"))
      refuse("is a picture, not a folder of pictures or a CSV file",
             "give --data a folder with one folder a class");
    const std::string_view first = trimmed_start(bytes);
    if (first.starts_with('{') || first.starts_with('['))
      refuse("is JSON, not a CSV file", "write its images as lines of a CSV file `path,label`");
  }

  static std::string_view trimmed_start(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    return first == std::string_view::npos ? std::string_view() : text.substr(first);
  }

  void add_row(CsvRow& row, const Columns& columns) {
    const std::string where = name_ + ":" + std::to_string(row.line);
    check_count(row, columns, where);
    const std::string &path = row.fields[columns.path], &label = row.fields[columns.label];
    if (path.empty() || label.empty())
      throw Error(path.empty() ? "has no path" : "has no label", where,
                  "fill it in, or take the line out");
    const Place place{place_.name, row.line};
    Entry entry{listed(path, where), label, split_of(row, columns, where), place};
    check_new(entry);
    if (!found_.entries.empty() && entry.split.has_value() != found_.entries[0].split.has_value())
      throw Error("some lines name a split and some do not", where,
                  "name it on every line or on none");
    found_.entries.push_back(std::move(entry));
  }

  // Throws Error where the same file was listed before, under any spelling of its path. A link and
  // its file may both be listed, as long as label and split agree.
  void check_new(const Entry& entry) {
    const fs::path path = root_ / entry.path;
    std::error_code error;
    fs::path& folder = folders_[path.parent_path().string()];
    if (folder.empty()) folder = fs::weakly_canonical(path.parent_path(), error);
    if (folder.empty()) folder = path.parent_path().lexically_normal();
    const bool is_link = fs::is_symlink(path, error);
    const fs::path real = is_link ? fs::weakly_canonical(path, error) : folder / path.filename();
    const Seen now{found_.entries.size(), is_link};
    const auto [first, fresh] = seen_.emplace(Hasher().text(real.string()).hash(), now);
    if (fresh) return;
    const Entry& other = found_.entries[first->second.entry];
    const bool agree = other.label == entry.label && other.split == entry.split;
    if (agree && other.path != entry.path && (is_link || first->second.is_link)) return;
    throw Error(quote_name(entry.path) + " was listed before, at " + other.where.text() +
                    (other.path == entry.path ? "" : ", as " + quote_name(other.path)),
                entry.where.text(), "list each file once");
  }

  std::string listed(const std::string& text, const std::string& where) {
    const std::optional<std::string> path = listed_path(root_, text);
    if (!path) missing(text, root_, where);
    slashes_ +=
        text.find('\\') != std::string::npos && path->find('\\') == std::string::npos ? 1 : 0;
    return *path;
  }

  static std::optional<Split> split_of(const CsvRow& row, const Columns& columns,
                                       const std::string& where) {
    if (!columns.split || row.fields[*columns.split].empty()) return std::nullopt;
    const std::string& name = row.fields[*columns.split];
    const std::optional<Split> split = split_from(name);
    if (!split) throw Error(quote_name(name) + " is not a split", where, "use train, val or test");
    return split;
  }

  fs::path file_;
  std::string name_;
  fs::path root_;
  const ManifestOptions& options_;
  Found found_;
  Place place_ = place_of(name_);
  struct Seen {
    size_t entry;  // of found_.entries
    bool is_link;
  };
  std::map<Hash128, Seen> seen_;             // by a hash of the real path
  std::map<std::string, fs::path> folders_;  // a folder as listed, to its real path
  int64_t slashes_ = 0;
};

}  // namespace

Manifest load_csv(const fs::path& file, const ManifestOptions& options) {
  return CsvReader(file, options).read();
}

}  // namespace retort::data
