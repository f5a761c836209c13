#include "retort/data/extra.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>
#include <span>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/random.h"
#include "retort/data/csv.h"
#include "retort/data/image_kind.h"
#include "retort/data/scan.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

int64_t label_of(const fs::path& image, const std::vector<std::string>& classes) {
  for (fs::path folder = image.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    const auto found = std::lower_bound(classes.begin(), classes.end(), folder.filename().string());
    if (found != classes.end() && *found == folder.filename().string()) return found - classes.begin();
  }
  return kUnlabelled;
}

std::set<std::string> rejected_in(const fs::path& root) {
  constexpr uint64_t kMaxBytes = uint64_t{1} << 30;
  std::set<std::string> paths;
  const fs::path file = root / kRejectedFile;
  std::error_code error;
  if (!fs::exists(file, error)) return paths;
  const std::vector<CsvRow> rows = parse_csv(read_file(file, kMaxBytes), file.string());
  if (rows.empty() || rows[0].fields[0] != "path") throw Error("does not start with the column `path`", file.string(), "remove the file");
  for (const CsvRow& row : std::span(rows).subspan(1)) paths.insert(row.fields[0]);
  return paths;
}

}  // namespace

Extra extra_from(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text};
  char* end = nullptr;
  const double ratio = std::strtod(text.c_str() + colon + 1, &end);
  if (end == text.c_str() + colon + 1 || *end != '\0') return {text};  // a colon of the path's own
  if (!(ratio > 0 && ratio <= 1000)) throw UsageError("the ratio must be in (0, 1000]", "--extra " + text, "write DIR or DIR:RATIO");
  return {text.substr(0, colon), ratio};
}

fs::path extra_root(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) throw Error("there is no such folder", path.string(), "--extra takes a folder of images");
  return fs::is_directory(path / "train", error) ? path / "train" : path;
}

Manifest load_extra(const fs::path& path, const std::vector<std::string>& classes, Rejected rejected) {
  const fs::path root = extra_root(path);
  const std::set<std::string> left_out = rejected == Rejected::left_out ? rejected_in(root) : std::set<std::string>{};
  Manifest manifest{root, classes, {}};
  Pictures pictures = pictures_below(root);
  manifest.unread = std::move(pictures.unread);
  for (std::string& image : pictures.images) {
    const int64_t label = label_of(image, classes);
    if (!left_out.contains(image)) manifest.items.push_back({std::move(image), label, Split::train});
  }
  if (manifest.items.empty())
    throw Error(left_out.empty() ? "holds no images" : "holds no image that rejected.csv does not set aside", root.string(),
                "add images: " + kinds_read());
  return manifest;
}

Manifest load_unlabelled(const fs::path& path, const std::vector<std::string>& classes, const ManifestOptions& options) {
  constexpr uint64_t kSplitStream = 5;
  if (classes.size() < 2) throw Error("a data set needs at least two classes", path.string(), "name them in the file of --classes");
  Manifest manifest = load_extra(path, {});
  manifest.classes = classes;
  manifest.carved = true;
  const auto images = static_cast<int64_t>(manifest.items.size());
  if (images < 3) throw Error("holds " + std::to_string(images) + " images: too few to train and to validate on", path.string());
  const auto validated = std::clamp<int64_t>(std::llround(options.val_fraction * static_cast<double>(images)), 1, images - 2);
  const std::vector<int64_t> order = permutation(images, CounterRng({options.split_seed, kSplitStream}));
  for (int64_t i = 0; i < validated; ++i) manifest.items[static_cast<size_t>(order[static_cast<size_t>(i)])].split = Split::val;
  std::ranges::stable_sort(manifest.items, {}, &Item::split);
  return manifest;
}

}  // namespace retort::data
