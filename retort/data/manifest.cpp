#include "retort/data/manifest.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/data/csv.h"
#include "retort/data/entries.h"
#include "retort/data/image_kind.h"
#include "retort/data/layouts.h"
#include "retort/data/record.h"
#include "retort/data/scan.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

// A folder called train is a split when it has class folders of its own, and a class otherwise.
bool has_splits(const fs::path& root) {
  std::error_code ignored;
  return fs::is_directory(root / "train", ignored) && !folders_in(root / "train").empty();
}

Manifest load_folder(const fs::path& root, const ManifestOptions& options) {
  if (const Layout* layout = layout_of(root)) return layout->read(root, options);
  std::vector<Entry> entries;
  std::vector<std::string> unread;
  const auto whole = [&] {
    Manifest manifest = assemble(root, std::move(entries), options, root.string());
    manifest.unread = std::move(unread);
    return manifest;
  };
  if (!has_splits(root)) {
    add_classes(root, "", std::nullopt, entries, unread);
    return whole();
  }
  std::map<Split, std::string> found;
  for (const std::string& name : folders_in(root)) {
    const std::optional<Split> split = split_from(name);
    if (!split) continue;
    const auto [other, fresh] = found.emplace(*split, name);
    if (!fresh) throw Error("both '" + other->second + "' and '" + name + "' are there for one split", root.string(), "keep one of them");
    add_classes(root, name, split, entries, unread);
  }
  return whole();
}

struct Columns {
  size_t path, label, split;
  size_t count;
  bool has_split() const { return split < count; }
};

Columns columns_of(const CsvRow& header, const std::string& file) {
  const auto column = [&](const char* name) {
    const auto found = std::find(header.fields.begin(), header.fields.end(), name);
    if (found != header.fields.end() && std::find(found + 1, header.fields.end(), name) != header.fields.end()) {
      throw Error(std::string("the column '") + name + "' appears twice", file + ":" + std::to_string(header.line));
    }
    return static_cast<size_t>(found - header.fields.begin());
  };
  const Columns columns{column("path"), column("label"), column("split"), header.fields.size()};
  if (columns.path == columns.count || columns.label == columns.count) {
    throw Error("the header needs the columns path and label", file + ":" + std::to_string(header.line),
                "start the file with the line `path,label,split`");
  }
  return columns;
}

Entry entry_of(const CsvRow& row, const Columns& columns, const fs::path& root, const std::string& where) {
  if (row.fields.size() != columns.count) {
    throw Error("has " + std::to_string(row.fields.size()) + " fields, the header has " + std::to_string(columns.count), where,
                "quote fields that hold commas");
  }
  Entry entry{fs::path(row.fields[columns.path]).lexically_normal().generic_string(), row.fields[columns.label], std::nullopt, where};
  if (entry.path.empty() || entry.label.empty()) throw Error(entry.path.empty() ? "has no path" : "has no label", where);
  std::error_code error;
  if (!fs::is_regular_file(root / entry.path, error))
    throw Error("there is no file '" + entry.path + "'", where, "paths are relative to the CSV file");
  if (!columns.has_split() || row.fields[columns.split].empty()) return entry;
  entry.split = split_from(row.fields[columns.split]);
  if (!entry.split) throw Error("'" + row.fields[columns.split] + "' is not a split", where, "use train, val or test");
  return entry;
}

Manifest load_csv(const fs::path& file, const ManifestOptions& options) {
  const std::string name = file.string();
  const std::vector<CsvRow> rows = parse_csv(read_file(file), name);
  if (rows.empty()) throw Error("is empty", name, "start the file with the line `path,label,split`");
  const Columns columns = columns_of(rows[0], name);
  std::vector<Entry> entries;
  std::map<std::string, std::string> seen;  // path to place
  for (size_t i = 1; i < rows.size(); ++i) {
    Entry entry = entry_of(rows[i], columns, file.parent_path(), name + ":" + std::to_string(rows[i].line));
    const auto [first, fresh] = seen.emplace(entry.path, entry.where);
    if (!fresh) throw Error("'" + entry.path + "' was listed before, at " + first->second, entry.where, "list each file once");
    if (!entries.empty() && entry.split.has_value() != entries[0].split.has_value()) {
      throw Error("some lines name a split and some do not", entry.where, "name it on every line or on none");
    }
    entries.push_back(std::move(entry));
  }
  return assemble(file.parent_path(), std::move(entries), options, name);
}

void check(const ManifestOptions& options) {
  const auto range = [](const char* name, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw UsageError(std::string(name) + " = " + std::to_string(value) + " is not in [" + std::to_string(low) + ", " +
                     std::to_string(high) + "]");
  };
  range("val_fraction", options.val_fraction, 0.01, 0.5);
  range("test_fraction", options.test_fraction, 0, 0.5);
}

}  // namespace

std::string to_string(Split split) {
  if (split == Split::train) return "train";
  return split == Split::val ? "val" : "test";
}

std::vector<int64_t> Manifest::of(Split split) const {
  std::vector<int64_t> indices;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].split == split) indices.push_back(static_cast<int64_t>(i));
  }
  return indices;
}

fs::path Manifest::file(int64_t item) const {
  fs::path path = root / items[static_cast<size_t>(item)].path;
  const std::optional<Record> record = record_of(path);
  return record ? record->file : path;
}

Image Manifest::read(int64_t item, int64_t enough) const { return read_image(root / items[static_cast<size_t>(item)].path, enough); }

Part Manifest::read_part(int64_t item, const Window& window, int64_t enough) const {
  return data::read_part(root / items[static_cast<size_t>(item)].path, window, enough);
}

std::string Manifest::digest() const {
  Hasher hasher;
  hasher.number(static_cast<int64_t>(classes.size()));
  for (const std::string& name : classes) hasher.text(name);
  for (size_t i = 0; i < items.size(); ++i) {
    struct stat info {};
    if (::stat(file(static_cast<int64_t>(i)).c_str(), &info) != 0) info = {};
    hasher.text(items[i].path).number(items[i].label).number(static_cast<int64_t>(items[i].split));
    hasher.number(info.st_size).number(info.st_mtim.tv_sec).number(info.st_mtim.tv_nsec);
  }
  return hasher.hex();
}

Manifest load_manifest(const fs::path& path, const ManifestOptions& options) {
  check(options);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return load_folder(path, options);
  if (fs::is_regular_file(status)) return load_csv(path, options);
  throw Error("there is no such folder or CSV file", path.string(),
              "give a folder with one folder a class, or a CSV file `path,label,split`");
}

void warn_of_unread(const Manifest& manifest, Log& log) {
  if (manifest.unread.empty()) return;
  std::set<std::string> kinds;
  for (const std::string& path : manifest.unread) {
    const std::string extension = lower_extension(path);
    kinds.insert(extension.empty() ? "no extension" : extension);
  }
  std::string named;
  for (const std::string& kind : kinds) named += (named.empty() ? "" : " ") + kind;
  log.warn("left out: " + std::to_string(manifest.unread.size()) + (manifest.unread.size() == 1 ? " picture" : " pictures") +
           " of kinds that are not read (" + named + "), the first " + (manifest.root / std::ranges::min(manifest.unread)).string() + "; " +
           kinds_read() + " are read");
}

}  // namespace retort::data
