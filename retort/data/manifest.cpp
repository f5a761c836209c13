#include "retort/data/manifest.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

#include "retort/core/error.h"
#include "retort/core/hash.h"
#include "retort/core/quote.h"
#include "retort/data/csv_manifest.h"
#include "retort/data/folder_manifest.h"
#include "retort/data/image_kind.h"
#include "retort/data/record.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

void check(const ManifestOptions& options) {
  const auto range = [](const char* name, double value, double low, double high) {
    if (value >= low && value <= high) return;
    throw UsageError(std::string(name) + " = " + std::to_string(value) + " is not in [" +
                     std::to_string(low) + ", " + std::to_string(high) + "]");
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

Image Manifest::read(int64_t item, int64_t enough) const {
  return read_image(root / items[static_cast<size_t>(item)].path, enough);
}

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
    // Programs that unpack or copy may set the modification time, but only the system sets the
    // change time, and a file that replaces this one has another inode number.
    hasher.number(info.st_size).number(static_cast<int64_t>(info.st_ino));
    for (const timespec& time : {info.st_mtim, info.st_ctim})
      hasher.number(time.tv_sec).number(time.tv_nsec);
  }
  return hasher.hex();
}

Manifest load_manifest(const fs::path& path, const ManifestOptions& options) {
  check(options);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return load_folder(path, options);
  if (fs::is_regular_file(status)) return load_csv(path, options);
  throw Error("there is no such folder or CSV file", printable(path.string()),
              "give a folder with one folder a class, or a CSV file `path,label,split`");
}

void tell_of(const Manifest& manifest, Log& log) {
  for (const Note& note : manifest.notes) note.warning ? log.warn(note.text) : log.info(note.text);
  warn_of_unread(manifest, log);
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
  log.warn("left out: " + std::to_string(manifest.unread.size()) +
           (manifest.unread.size() == 1 ? " picture" : " pictures") +
           " of kinds that are not read (" + named + "), the first " +
           printable((manifest.root / std::ranges::min(manifest.unread)).string()) + "; " +
           kinds_read() + " are read");
}

}  // namespace retort::data
