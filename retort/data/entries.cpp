#include "retort/data/entries.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/image_kind.h"
#include "retort/data/scan.h"
#include "retort/data/split.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

using Names = std::set<std::string>;

void check_classes(const Names& classes, const std::string& where) {
  std::map<std::string, std::string> seen;
  for (const std::string& name : classes) {
    const auto [other, fresh] = seen.emplace(folded(name), name);
    if (!fresh)
      throw Error("the classes " + quote_name(other->second) + " and " + quote_name(name) +
                      " have names that differ only in case or blanks",
                  where, "merge or rename them");
  }
  if (classes.size() < 2) {
    throw Error(
        "has " + std::to_string(classes.size()) +
            (classes.size() == 1 ? " class (" + quote_name(*classes.begin()) + ")" : " classes") +
            ", at least two are needed",
        where, "give each class a folder of its own, or a label in a CSV file `path,label,split`");
  }
}

// A class's name must fit into JSON, ONNX and lines of tables.
void check_label(const std::string& label, const std::string& where) {
  constexpr const char* kMend = "rename the folder, or save the list as UTF-8";
  if (!is_utf8(label))
    throw Error("the class's name " + quote_name(label) + " is not UTF-8", where, kMend);
  if (has_controls(label))
    throw Error("the class's name " + quote_name(label) + " holds control characters", where,
                "rename it");
  if (folded(label).empty())
    throw Error("the class's name " + quote_name(label) + " shows nothing", where, "rename it");
}

std::string counted(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Gives names that are the same characters in two forms of Unicode one spelling.
void compose_labels(Found& found) {
  std::map<std::string, std::string> known;  // a label to its composed form
  std::map<std::string, std::map<std::string, int64_t>> forms;
  for (Entry& entry : found.entries) {
    const auto [label, fresh] = known.try_emplace(entry.label);
    if (fresh) {
      check_label(entry.label, entry.where.text());
      label->second = composed(entry.label);
    }
    ++forms[label->second][entry.label];
    entry.label = label->second;
  }
  for (const auto& [label, counts] : forms) {
    if (counts.size() < 2) continue;
    std::string images;
    for (const auto& [form, count] : counts)
      images += (images.empty() ? "" : " and ") + std::to_string(count);
    found.notes.push_back({"the class " + quote_name(label) + " is written in " +
                               std::to_string(counts.size()) + " Unicode forms, of " + images +
                               " images; they are read as one class",
                           true});
  }
}

// Labels that differ from one of the names only in case, blanks or invisible characters become that
// name.
void match_labels(Found& found, const Names& names) {
  std::map<std::string, std::string> by_fold;
  for (const std::string& name : names) by_fold.emplace(folded(name), name);
  std::map<std::pair<std::string, std::string>, int64_t> changed;
  for (Entry& entry : found.entries) {
    if (names.contains(entry.label)) continue;
    const auto match = by_fold.find(folded(entry.label));
    if (match == by_fold.end()) continue;
    if (composed(entry.label) != composed(match->second)) ++changed[{entry.label, match->second}];
    entry.label = match->second;
  }
  for (const auto& [pair, count] : changed)
    found.notes.push_back({counted(count, "image") + " of " + quote_name(pair.first) +
                               " are read as of the class " + quote_name(pair.second),
                           true});
}

// Whether one of the paths is the folder, or lies below it.
bool holds_one_of(const fs::path& folder, const std::vector<fs::path>& paths) {
  std::error_code error;
  const fs::path outer = fs::weakly_canonical(folder, error);
  return std::ranges::any_of(paths, [&](const fs::path& path) {
    const fs::path inner = fs::weakly_canonical(path, error);
    return std::ranges::mismatch(outer, inner).in1 == outer.end();
  });
}

// Throws Error where links would make one folder two classes: all its images would be in both.
void check_one_class(const fs::path& path, const std::string& label, Found& found) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return;  // reading the folder reports it
  const Entry entry{path.string(), label, std::nullopt, place_of(printable(path.string()))};
  const auto [first, fresh] = found.folders.emplace(real, entry);
  if (!fresh && folded(first->second.label) != folded(label))
    throw Error("is the same folder as " + first->second.where.text() +
                    ", by a link, and would be the " + "classes " +
                    quote_name(first->second.label) + " and " + quote_name(label),
                entry.where.text(), "remove the link");
}

Names labels_in(const Entries& entries, bool of_training) {
  Names names;
  for (const Entry& entry : entries) {
    if (!of_training || entry.split.value_or(Split::train) == Split::train)
      names.insert(entry.label);
  }
  return names;
}

void add_items(Entries entries, Split otherwise, Manifest& manifest) {
  manifest.items.reserve(entries.size());
  for (Entry& entry : entries) {
    const auto found = std::ranges::lower_bound(manifest.classes, entry.label);
    if (found == manifest.classes.end() || *found != entry.label) {
      throw Error("the class " + quote_name(entry.label) + " has no training images",
                  entry.where.text(), "add some, or take its other images out");
    }
    manifest.items.push_back(
        {std::move(entry.path), found - manifest.classes.begin(), entry.split.value_or(otherwise)});
  }
}

// Sets images aside for the splits that the data set does not have.
void carve_missing(Manifest& manifest, bool has_val, const ManifestOptions& options,
                   const std::string& where) {
  if (manifest.carved)
    carve(manifest.items, Split::test, options.test_fraction, options.split_seed);
  if (!has_val) carve(manifest.items, Split::val, options.val_fraction, options.split_seed);
  if (manifest.of(Split::val).empty())
    throw Error("no class has two training images, so that none can be set aside for validation",
                where, "add images");
}

}  // namespace

std::string Place::text() const { return line > 0 ? *name + ":" + std::to_string(line) : *name; }

Place place_of(std::string name) { return {std::make_shared<const std::string>(std::move(name))}; }

Note note_of(const PassedOver& passed) {
  return {"passed over what systems leave behind, and what is hidden: " + text_of(passed)};
}

void add_class(const fs::path& root, const std::string& folder, const std::string& label,
               std::optional<Split> split, const ManifestOptions& options, Found& found) {
  const fs::path path = root / folder;
  check_one_class(path, label, found);
  const auto [images, others, passed] = pictures_below(path);
  const bool written =
      images.empty() && (passed.contains(kOwnOutput) || holds_one_of(path, options.own));
  if (images.empty() && !written && options.known.empty() &&
      split.value_or(Split::train) == Split::train) {
    const std::string archives = archives_noted(path);
    throw Error(
        "the class folder holds no images" + archives, printable(path.string()),
        archives.empty() ? "add images (" + kinds_read() + ") or remove the folder" : kUnpackMend);
  }
  if (written && !passed.contains(kOwnOutput)) ++found.passed[kOwnOutput];
  add(found.passed, passed);
  const Place where = place_of(printable(path.string()));
  for (const std::string& image : images)
    found.entries.push_back({folder + "/" + image, label, split, where});
  for (const std::string& other : others) found.unread.push_back(folder + "/" + other);
}

void add_classes(const fs::path& root, const std::string& prefix, std::optional<Split> split,
                 const ManifestOptions& options, Found& found) {
  for (const std::string& name : folders_in(root / prefix))
    add_class(root, prefix.empty() ? name : prefix + "/" + name, name, split, options, found);
}

Manifest assemble(const fs::path& root, Found found, const ManifestOptions& options,
                  const std::string& where) {
  const bool judging = !options.known.empty();
  compose_labels(found);
  const Names named =
      judging ? Names(options.known.begin(), options.known.end()) : labels_in(found.entries, true);
  if (!judging) check_classes(named, where);
  match_labels(found, named);
  const Names classes = labels_in(found.entries, !judging);
  Manifest manifest{root, {classes.begin(), classes.end()}, {}};
  const auto has = [&](auto&& wanted) { return std::ranges::any_of(found.entries, wanted); };
  const bool has_val = has([](const Entry& entry) { return entry.split == Split::val; });
  manifest.carved = !has([](const Entry& entry) { return entry.split.has_value(); });
  add_items(std::move(found.entries), judging ? Split::test : Split::train, manifest);
  if (manifest.items.empty())
    throw Error("holds no images", where, "give each class a folder of images");
  if (!judging) carve_missing(manifest, has_val, options, where);
  std::sort(manifest.items.begin(), manifest.items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.split, a.path) < std::tie(b.split, b.path);
  });
  manifest.unread = std::move(found.unread);
  manifest.notes = std::move(found.notes);
  if (!found.passed.empty()) manifest.notes.push_back(note_of(found.passed));
  return manifest;
}

Manifest assemble(const fs::path& root, Entries entries, const ManifestOptions& options,
                  const std::string& where) {
  return assemble(
      root,
      Found{.entries = std::move(entries), .unread = {}, .notes = {}, .passed = {}, .folders = {}},
      options, where);
}

}  // namespace retort::data
