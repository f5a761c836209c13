#include "retort/data/extra.h"

#include <algorithm>
#include <cstdlib>

#include "retort/core/error.h"
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

Manifest load_extra(const fs::path& path, const std::vector<std::string>& classes) {
  std::error_code error;
  if (!fs::is_directory(path, error)) throw Error("there is no such folder", path.string(), "--extra takes a folder of images");
  const fs::path root = fs::is_directory(path / "train", error) ? path / "train" : path;
  Manifest manifest{root, classes, {}};
  for (std::string& image : images_below(root)) {
    const int64_t label = label_of(image, classes);
    manifest.items.push_back({std::move(image), label, Split::train});
  }
  if (manifest.items.empty()) throw Error("holds no images", root.string(), "add images (.jpg .jpeg .png .webp)");
  return manifest;
}

}  // namespace retort::data
