#include "retort/data/entries.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <tuple>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/data/image_kind.h"
#include "retort/data/scan.h"
#include "retort/data/split.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

// Lower case without blanks around: names that agree in this are taken for a slip.
std::string folded(const std::string& name) {
  std::string fold(trimmed(name));
  std::transform(fold.begin(), fold.end(), fold.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return fold;
}

void check_classes(const std::vector<std::string>& classes, const std::string& where) {
  std::map<std::string, std::string> seen;
  for (const std::string& name : classes) {
    const auto [other, fresh] = seen.emplace(folded(name), name);
    if (!fresh)
      throw Error("the classes '" + other->second + "' and '" + name + "' have names that differ only in case or blanks", where,
                  "merge or rename them");
  }
  if (classes.size() < 2) {
    throw Error("has " + std::to_string(classes.size()) + (classes.size() == 1 ? " class ('" + classes[0] + "')" : " classes") +
                    ", at least two are needed",
                where, "give each class a folder of its own, or a label in a CSV file `path,label,split`");
  }
}

}  // namespace

std::optional<Split> split_from(const std::string& name) {
  if (name == "train") return Split::train;
  if (name == "val" || name == "valid" || name == "validation") return Split::val;
  if (name == "test") return Split::test;
  return std::nullopt;
}

void add_classes(const fs::path& root, const std::string& prefix, std::optional<Split> split, std::vector<Entry>& entries,
                 std::vector<std::string>& unread) {
  const fs::path parent = root / prefix;
  for (const std::string& name : folders_in(parent)) {
    const fs::path folder = parent / name;
    const auto [images, others] = pictures_below(folder);
    if (images.empty() && split.value_or(Split::train) == Split::train) {
      throw Error("the class folder holds no images", folder.string(), "add images (" + kinds_read() + ") or remove the folder");
    }
    std::string start = prefix;
    start.append(prefix.empty() ? "" : "/").append(name).append("/");
    for (const std::string& image : images) entries.push_back({start + image, name, split, folder.string()});
    for (const std::string& other : others) unread.push_back(start + other);
  }
}

// Classes are those of training; every other split's must be among them.
Manifest assemble(const fs::path& root, std::vector<Entry> entries, const ManifestOptions& options, const std::string& where) {
  std::set<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.split.value_or(Split::train) == Split::train) names.insert(entry.label);
  }
  Manifest manifest{root, {names.begin(), names.end()}, {}};
  check_classes(manifest.classes, where);
  bool has_val = false, has_split = false;
  for (Entry& entry : entries) {
    const auto found = std::lower_bound(manifest.classes.begin(), manifest.classes.end(), entry.label);
    if (found == manifest.classes.end() || *found != entry.label) {
      throw Error("the class '" + entry.label + "' has no training images", entry.where, "add some, or take its other images out");
    }
    has_val |= entry.split == Split::val;
    has_split |= entry.split.has_value();
    manifest.items.push_back({std::move(entry.path), found - manifest.classes.begin(), entry.split.value_or(Split::train)});
  }
  manifest.carved = !has_split;
  if (manifest.carved) carve(manifest.items, Split::test, options.test_fraction, options.split_seed);
  if (!has_val) carve(manifest.items, Split::val, options.val_fraction, options.split_seed);
  if (manifest.of(Split::val).empty())
    throw Error("no class has two training images, so that none can be set aside for validation", where, "add images");
  std::sort(manifest.items.begin(), manifest.items.end(),
            [](const Item& a, const Item& b) { return std::tie(a.split, a.path) < std::tie(b.split, b.path); });
  return manifest;
}

}  // namespace retort::data
