#include "retort/data/folder_manifest.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/unicode.h"
#include "retort/data/entries.h"
#include "retort/data/layouts.h"
#include "retort/data/scan.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLevels = 8;  // of folders that hold nothing but a folder

std::string list_of(const std::vector<std::string>& names) {
  constexpr size_t kNamedFolders = 4;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kNamedFolders); ++i)
    list += (i == 0 ? "" : ", ") + quote_name(names[i]);
  return names.size() > kNamedFolders
             ? list + " and " + std::to_string(names.size() - kNamedFolders) + " more"
             : list;
}

std::string images_counted(int64_t count) {
  return std::to_string(count) + (count == 1 ? " image" : " images");
}

using Contents = std::map<std::string, FolderContent>;  // of folders, by their names

struct SplitFolder {
  std::string name;
  Split split = Split::train;
  FolderContent content;

  bool divided() const { return !content.folders.empty(); }  // into classes
};

std::vector<std::string> names_of(const std::vector<SplitFolder>& splits) {
  std::vector<std::string> names;
  for (const SplitFolder& each : splits) names.push_back(each.name);
  return names;
}

bool has_split(const std::vector<SplitFolder>& splits, Split split) {
  return std::ranges::any_of(splits, [&](const SplitFolder& each) { return each.split == split; });
}

// The only folder in the parent that holds images, where it holds them in folders of its own or is
// a public data set; then the user can only mean that folder.
std::optional<std::string> only_folder(const fs::path& parent, const FolderContent& content) {
  std::optional<std::string> only;
  bool is_layout = false;
  for (const std::string& name : content.folders) {
    const bool known = layout_of(parent / name) != nullptr;
    if (!known && !has_pictures(parent / name)) continue;
    if (only) return std::nullopt;
    only = name;
    is_layout = known;
  }
  if (!only || is_layout) return only;
  const FolderContent inner = content_of(parent / *only);
  return inner.images == 0 && !inner.folders.empty() ? only : std::nullopt;
}

bool is_known(const std::string& name, const ManifestOptions& options) {
  return std::ranges::any_of(
      options.known, [&](const std::string& known) { return folded(known) == folded(name); });
}

bool holds_known(const fs::path& folder, const ManifestOptions& options) {
  return std::ranges::any_of(folders_in(folder),
                             [&](const std::string& name) { return is_known(name, options); });
}

// The folders with names of splits: plain ones (train), or else names that are alike apart from the
// split's word (seg_train and seg_test).
std::vector<SplitFolder> splits_among(const fs::path& root, const std::vector<std::string>& folders,
                                      const ManifestOptions& options) {
  std::map<std::string, std::vector<SplitFolder>> by_pattern;
  const bool with_others = std::ranges::any_of(folders, [&](const std::string& name) {
    return !split_name(name) && has_pictures(root / name);
  });
  for (const std::string& name : folders) {
    if (with_others && is_short_split(name)) continue;
    const std::optional<SplitName> split =
        is_known(name, options) && !holds_known(root / name, options) ? std::nullopt
                                                                      : split_name(name);
    if (split) by_pattern[split->pattern].push_back({name, split->split, {}});
  }
  std::vector<SplitFolder> chosen = by_pattern["*"];
  if (chosen.empty()) {
    for (const auto& [pattern, group] : by_pattern) {
      if (!has_split(group, Split::train) ||
          (!has_split(group, Split::val) && !has_split(group, Split::test)))
        continue;
      if (!chosen.empty())
        throw Error("the folders " + list_of(names_of(chosen)) + " and " +
                        list_of(names_of(group)) + " are called like splits of two data sets",
                    printable(root.string()),
                    "give --data one of them, or put class folders into train/ and test/: "
                    "trainA/ and testA/ of two classes become train/A/ and test/A/");
      chosen = group;
    }
  }
  for (SplitFolder& each : chosen) each.content = content_of(root / each.name);
  std::ranges::stable_sort(chosen, {}, &SplitFolder::split);
  return chosen;
}

std::vector<std::string> others_with_pictures(const fs::path& root,
                                              const std::vector<SplitFolder>& splits,
                                              const FolderContent& content) {
  std::vector<std::string> others;
  for (const std::string& name : content.folders) {
    const bool split =
        std::ranges::any_of(splits, [&](const SplitFolder& each) { return each.name == name; });
    if (!split && has_pictures(root / name)) others.push_back(name);
  }
  return others;
}

void check_one_each(const fs::path& root, const std::vector<SplitFolder>& splits) {
  std::map<Split, std::string> seen;
  for (const SplitFolder& each : splits) {
    const auto [other, fresh] = seen.emplace(each.split, each.name);
    if (!fresh)
      throw Error("both " + quote_name(other->second) + " and " + quote_name(each.name) +
                      " are there for one split",
                  printable(root.string()), "keep one of them, or join them");
  }
}

// Advice on listing images without class folders: names the CSV file in the folder, where there is
// one.
std::string list_advice(const fs::path& root) {
  std::error_code error;
  for (fs::directory_iterator it(root, error); !error && it != fs::directory_iterator();
       it.increment(error))
    if (lower_extension(it->path()) == ".csv")
      return "or give --data the list " + printable(it->path().string()) +
             " (columns path, label, split)";
  return "or list them in a CSV file `path,label,split`";
}

// A warning where all classes hold folders of the same names, since they may be splits with unknown
// names; else empty.
std::string like_folders(const Contents& contents) {
  std::vector<std::string> classes, common;
  for (const auto& [name, inner] : contents) {
    if (inner.images == 0 && inner.folders.empty()) continue;
    if (inner.images > 0) return "";
    std::vector<std::string> both;
    std::ranges::set_intersection(classes.empty() ? inner.folders : common, inner.folders,
                                  std::back_inserter(both));
    common = std::move(both);
    classes.push_back(name);
  }
  if (classes.size() < 2 || common.size() < 2) return "";
  return "the classes " + list_of(classes) + " all hold the folders " + list_of(common) +
         ": if those folders are the classes, call " + list_of(classes) + " train/ and test/";
}

// Class folders whose own folders are splits.
struct Divided {
  Contents classes;     // their contents by class; empty where not every class is divided
  std::string warning;  // of the classes of which some folders are called like splits
};

// `alone`: a split may stand without one of training images.
Divided divided_classes(const Contents& contents, bool alone) {
  Divided divided;
  size_t classes = 0;
  bool train = alone;
  std::string partly;
  for (const auto& [name, inner] : contents) {
    const auto splits = std::ranges::count_if(
        inner.folders, [](const std::string& folder) { return split_from(folder).has_value(); });
    if (inner.images == 0 && inner.folders.empty()) continue;
    ++classes;
    if (splits == 0) continue;
    train |= std::ranges::any_of(inner.folders, [](const std::string& folder) {
      return split_from(folder) == Split::train;
    });
    if (inner.images == 0 && splits == std::ssize(inner.folders))
      divided.classes.emplace(name, inner);
    partly += (partly.empty() ? "" : ", ") + quote_name(name);
  }
  if (!divided.classes.empty() && divided.classes.size() == classes && train) return divided;
  divided.classes.clear();
  if (!partly.empty())
    divided.warning = "folders in " + partly +
                      " are called like splits, and read as images of their class like all others";
  return divided;
}

class FolderReader {
 public:
  FolderReader(fs::path root, const ManifestOptions& options)
      : root_(std::move(root)), options_(options) {}

  Manifest read() {
    enter_wrappers();
    if (const Layout* layout = layout_of(root_)) {
      Manifest manifest = layout->read(root_, options_);
      manifest.notes.insert(manifest.notes.begin(), found_.notes.begin(), found_.notes.end());
      return manifest;
    }
    const FolderContent content = content_of(root_);
    add(found_.passed, content.passed);
    const std::vector<SplitFolder> splits = splits_among(root_, content.folders, options_);
    if (are_splits(splits, content)) {
      read_splits(splits, content);
    } else {
      read_classes(content);
    }
    note_loose(content, "");
    const std::string archives = found_.entries.empty() ? archives_noted(root_) : "";
    if (!archives.empty()) throw Error("holds no images" + archives, where(), kUnpackMend);
    return assemble(root_, std::move(found_), options_, where());
  }

 private:
  std::string where() const { return printable(root_.string()); }
  void note(std::string text, bool warning = false) {
    found_.notes.push_back({std::move(text), warning});
  }

  void enter_wrappers() {
    std::string entered;
    for (int level = 0; level < kMostLevels && layout_of(root_) == nullptr; ++level) {
      const FolderContent content = content_of(root_);
      const std::optional<std::string> name = only_folder(root_, content);
      if (!name || split_from(*name) || is_known(*name, options_)) break;
      add(found_.passed, content.passed);
      note_loose(content, entered);
      entered += (entered.empty() ? "" : "/") + *name;
      root_ /= *name;
    }
    if (!entered.empty())
      note("reads " + quote_name(entered) + ", the only folder that holds images");
  }

  // Whether these folders are splits. A folder called train may also be a class, beside other
  // classes. Throws Error where both are possible: the user must decide.
  bool are_splits(const std::vector<SplitFolder>& splits, const FolderContent& content) {
    if (splits.empty()) return false;
    check_one_each(root_, splits);
    const std::vector<std::string> others = others_with_pictures(root_, splits, content);
    const bool train = has_split(splits, Split::train), alone = others.empty();
    if (train && splits.size() > 1) return true;
    if (alone) {
      if (!train && options_.known.empty())
        throw Error("holds " + list_of(names_of(splits)) + ", but no folder of training images",
                    where(),
                    "add a folder train/ with one folder a class; `retort eval --data` takes such "
                    "a folder as it is");
      return true;
    }
    const bool as_class =
        splits.size() == 1 && (!splits[0].divided() || splits[0].content.images > 0);
    if (!as_class)
      throw Error(list_of(names_of(splits)) + (splits.size() == 1 ? " is" : " are") +
                      " called like a split, but " + list_of(others) +
                      " beside it could be other classes",
                  where(),
                  "if it is a split, move what is beside it away, or into folders train/ and "
                  "test/; if it is a class, rename it, or list the "
                  "images in a CSV file `path,label`");
    note(quote_name(splits[0].name) +
         " is read as a class, not as a split: it holds images itself, and lies beside " +
         list_of(others));
    return false;
  }

  void read_splits(const std::vector<SplitFolder>& splits, const FolderContent& content) {
    std::string guessed;
    const bool none = std::ranges::none_of(splits, &SplitFolder::divided);
    for (const SplitFolder& each : splits) {
      if (each.name != to_string(each.split))
        guessed +=
            (guessed.empty() ? "" : ", ") + quote_name(each.name) + " as " + to_string(each.split);
      if (!each.divided() && (options_.known.empty() ? each.split == Split::train : none))
        throw Error(quote_name(each.name) + " holds " + images_counted(each.content.images) +
                        ", but no class folders",
                    where(),
                    "put the images into one folder a class inside it, " + list_advice(root_));
    }
    if (!guessed.empty()) note("splits: " + guessed);
    for (const SplitFolder& each : splits) read_split(each);
    for (const std::string& name : others_with_pictures(root_, splits, content)) {
      const Pictures pictures = pictures_below(root_ / name);
      note("left out: " + images_counted(std::ssize(pictures.images)) + " in " + quote_name(name) +
               ", which is no split and lies beside " + list_of(names_of(splits)),
           true);
    }
  }

  void read_split(const SplitFolder& split) {
    std::string prefix = split.name;
    FolderContent content = split.content;
    for (int level = 0; level < kMostLevels; ++level) {
      const std::optional<std::string> name = only_folder(root_ / prefix, content);
      if (!name || is_known(*name, options_) || classes_.contains(folded(*name))) break;
      add(found_.passed, content.passed);
      note_loose(content, prefix);
      prefix += "/" + *name;
      content = content_of(root_ / prefix);
    }
    if (prefix != split.name)
      note("reads " + quote_name(prefix) + ", the only folder with images in " +
           quote_name(split.name));
    add(found_.passed, content.passed);
    note_loose(content, prefix);
    for (const std::string& name : content.folders) {
      if (split.split == Split::train) classes_.insert(folded(name));
      add_class(root_, prefix + "/" + name, name, split.split, options_, found_);
    }
  }

  void read_classes(const FolderContent& content) {
    if (content.folders.empty() && content.images > 0) return read_flat(content);
    Contents contents;
    for (const std::string& name : content.folders) contents[name] = content_of(root_ / name);
    const auto [divided, warning] = divided_classes(contents, !options_.known.empty());
    if (!warning.empty()) note(warning, true);
    if (divided.empty()) {
      if (std::string text = like_folders(contents); !text.empty()) note(std::move(text), true);
      for (const std::string& name : content.folders)
        add_class(root_, name, name, std::nullopt, options_, found_);
      return;
    }
    note("splits: each class's own folders, such as " +
         quote_name(divided.begin()->first + "/" + divided.begin()->second.folders.front()));
    for (const auto& [name, inner] : divided) {
      add(found_.passed, inner.passed);
      for (const std::string& folder : inner.folders)
        add_class(root_, name + "/" + folder, name, split_from(folder), options_, found_);
    }
  }

  // Reads images without class folders as one of the known classes, the one that has the folder's
  // name.
  void read_flat(const FolderContent& content) {
    const std::string name =
        (fs::absolute(root_) / "").lexically_normal().parent_path().filename().string();
    if (!is_known(name, options_))
      throw Error("holds " + images_counted(content.images) + ", but no class folders", where(),
                  "give each class a folder of its own, " + list_advice(root_));
    note("reads its images as of the class " + quote_name(name) + ", which the folder is called");
    Pictures pictures = pictures_below(root_);
    const Place place = place_of(where());
    for (std::string& image : pictures.images)
      found_.entries.push_back({std::move(image), name, std::nullopt, place});
    found_.unread = std::move(pictures.unread);
    loose_are_read_ = true;
  }

  void note_loose(const FolderContent& content, const std::string& folder) {
    if (content.images > 0 && !loose_are_read_)
      note("left out: " + images_counted(content.images) + " that lie in no class folder" +
               (folder.empty() ? ", but beside them" : ", but in " + quote_name(folder)),
           true);
  }

  fs::path root_;
  const ManifestOptions& options_;
  Found found_;
  std::set<std::string> classes_;  // of training, folded
  bool loose_are_read_ = false;
};

}  // namespace

Manifest load_folder(const fs::path& folder, const ManifestOptions& options) {
  return FolderReader(folder, options).read();
}

std::optional<std::string> train_folder_in(const fs::path& folder) {
  std::optional<std::string> train;
  bool split_beside = false, other_beside = false;
  for (const std::string& name : folders_in(folder)) {
    const std::optional<Split> split = split_from(name);
    if (split == Split::train && !train) {
      train = name;
    } else if (split) {
      split_beside = true;
    } else {
      other_beside |= has_pictures(folder / name);
    }
  }
  if (!train || (other_beside && is_short_split(*train)) ||
      (other_beside && !split_beside && folders_in(folder / *train).empty()))
    return std::nullopt;
  return train;
}

}  // namespace retort::data
