#include "retort/data/leftovers.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "retort/core/unicode.h"

namespace retort::data {
namespace fs = std::filesystem;
namespace {

// Names as their systems spell them. Other hidden names are counted together as "hidden".
constexpr std::array kLeftovers = {".DS_Store",
                                   ".AppleDouble",
                                   ".Spotlight-V100",
                                   ".Trashes",
                                   ".fseventsd",
                                   ".ipynb_checkpoints",
                                   ".thumbnails",
                                   ".@__thumb",
                                   ".picasaoriginals",
                                   "Thumbs.db",
                                   "ehthumbs.db",
                                   "ehthumbs_vista.db",
                                   "desktop.ini",
                                   "Picasa.ini",
                                   "ZbThumbnail.info",
                                   "__MACOSX",
                                   "lost+found",
                                   "$RECYCLE.BIN",
                                   "FOUND.000",
                                   "@eaDir",
                                   "System Volume Information",
                                   "@tmp",
                                   "@Recycle",
                                   "@Recently-Snapshot",
                                   "@SynoResource",
                                   "#recycle",
                                   "#snapshot",
                                   "Temporary Items",
                                   "_gsdata_",
                                   "Network Trash Folder",
                                   "__pycache__"};

bool has_all(const fs::path& folder, std::initializer_list<const char*> names) {
  return std::ranges::all_of(names, [&](const char* name) {
    std::error_code ignored;
    return fs::is_regular_file(folder / name, ignored);
  });
}

// Whether the folder is a cache of decoded images.
bool is_cache(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder / "images", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (fs::exists(it->path() / "shard-00000.safetensors", ignored)) return true;
  }
  return false;
}

}  // namespace

std::string leftover_kind(const std::string& name) {
  if (name == "Icon\r") return "'Icon'";  // of a folder on macOS
  static const std::map<std::string, std::string> kinds = [] {
    std::map<std::string, std::string> map;
    for (const char* known : kLeftovers) map.emplace(folded(known), "'" + std::string(known) + "'");
    return map;
  }();
  if (const auto found = kinds.find(folded(name)); found != kinds.end()) return found->second;
  if (name.starts_with("._")) return "'._*'";
  return name.starts_with('.') ? "hidden" : "";
}

bool is_own_output(const fs::path& folder) {
  return has_all(folder, {"config.toml", "log.txt"}) ||
         has_all(folder, {"summary.json", "student.safetensors"}) ||
         has_all(folder, {"compare.json", "compare.html"}) ||
         has_all(folder, {"gate.json", "gate.html"}) || is_cache(folder);
}

void add(PassedOver& all, const PassedOver& more) {
  for (const auto& [kind, count] : more) all[kind] += count;
}

std::string text_of(const PassedOver& passed) {
  std::string text;
  for (const auto& [kind, count] : passed)
    text += (text.empty() ? "" : ", ") + kind + " (" + std::to_string(count) + ")";
  return text;
}

}  // namespace retort::data
