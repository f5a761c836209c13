#include "retort/data/extra.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/core/random.h"
#include "retort/core/unicode.h"
#include "retort/data/csv.h"
#include "retort/data/entries.h"
#include "retort/data/folder_manifest.h"
#include "retort/data/image_kind.h"
#include "retort/data/scan.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

// The classes' indices by their folded names, since folders may spell them slightly differently.
std::map<std::string, int64_t> places_of(const std::vector<std::string>& classes) {
  std::map<std::string, int64_t> places;
  for (size_t i = 0; i < classes.size(); ++i)
    places.emplace(folded(classes[i]), static_cast<int64_t>(i));
  return places;
}

int64_t label_of(const fs::path& image, const std::map<std::string, int64_t>& places) {
  for (fs::path folder = image.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (const auto found = places.find(folded(folder.filename().string())); found != places.end())
      return found->second;
  }
  return kUnlabelled;
}

std::set<std::string> rejected_in(const fs::path& root) {
  constexpr uint64_t kMaxBytes = uint64_t{1} << 30;
  std::set<std::string> paths;
  const fs::path file = root / kRejectedFile;
  std::error_code error;
  if (!fs::exists(file, error)) return paths;
  const std::vector<CsvRow> rows = parse_csv(read_file(file, kMaxBytes), printable(file.string()));
  if (rows.empty() || rows[0].fields[0] != "path")
    throw Error("does not start with the column `path`", printable(file.string()),
                "remove the file");
  for (const CsvRow& row : std::span(rows).subspan(1)) paths.insert(row.fields[0]);
  return paths;
}

}  // namespace

Extra extra_from(const std::string& text) {
  std::error_code ignored;
  if (fs::exists(text, ignored)) return {text};
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text};
  char* end = nullptr;
  const double ratio = std::strtod(text.c_str() + colon + 1, &end);
  if (end == text.c_str() + colon + 1 || *end != '\0') return {text};  // the path has a colon
  if (!(ratio > 0 && ratio <= 1000))
    throw UsageError("the ratio must be in (0, 1000]", "--extra " + text, "write DIR or DIR:RATIO");
  return {text.substr(0, colon), ratio};
}

fs::path extra_root(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    throw Error("there is no such folder", printable(path.string()),
                "--extra takes a folder of images");
  const std::optional<std::string> train = train_folder_in(path);
  return train ? path / *train : path;
}

Manifest load_extra(const fs::path& path, const std::vector<std::string>& classes,
                    Rejected rejected) {
  const fs::path root = extra_root(path);
  const std::set<std::string> left_out =
      rejected == Rejected::left_out ? rejected_in(root) : std::set<std::string>{};
  Manifest manifest{root, classes, {}};
  Pictures pictures = pictures_below(root);
  manifest.unread = std::move(pictures.unread);
  if (root != path)
    manifest.notes.push_back(
        {"reads " + quote_name(root.filename().string()) + ", the training images, alone"});
  if (!pictures.passed.empty()) manifest.notes.push_back(note_of(pictures.passed));
  const std::map<std::string, int64_t> places = places_of(classes);
  for (std::string& image : pictures.images) {
    const int64_t label = label_of(image, places);
    if (!left_out.contains(image))
      manifest.items.push_back({std::move(image), label, Split::train});
  }
  if (manifest.items.empty())
    throw Error(left_out.empty() ? "holds no images"
                                 : "holds no image that rejected.csv does not set aside",
                printable(root.string()),
                left_out.empty() ? "add images: " + kinds_read()
                                 : "add images, or take lines out of rejected.csv");
  return manifest;
}

Manifest load_unlabelled(const fs::path& path, const std::vector<std::string>& classes,
                         const ManifestOptions& options) {
  constexpr uint64_t kSplitStream = 5;
  if (classes.size() < 2)
    throw Error("a data set needs at least two classes", path.string(),
                "name them in the file of --classes");
  Manifest manifest = load_extra(path, {});
  manifest.classes = classes;
  manifest.carved = true;
  const auto images = static_cast<int64_t>(manifest.items.size());
  if (images < 3)
    throw Error("holds " + std::to_string(images) + " images: too few to train and to validate on",
                printable(path.string()));
  const auto validated = std::clamp<int64_t>(
      std::llround(options.val_fraction * static_cast<double>(images)), 1, images - 2);
  const std::vector<int64_t> order =
      permutation(images, CounterRng({options.split_seed, kSplitStream}));
  for (int64_t i = 0; i < validated; ++i)
    manifest.items[static_cast<size_t>(order[static_cast<size_t>(i)])].split = Split::val;
  std::ranges::stable_sort(manifest.items, {}, &Item::split);
  return manifest;
}

}  // namespace retort::data
