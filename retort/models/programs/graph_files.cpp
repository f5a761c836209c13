#include <set>
#include <string_view>

#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/data/content.h"
#include "retort/models/programs/graph_network.h"

namespace retort::models {
namespace fs = std::filesystem;
namespace {

// The files, relative to the ONNX file's folder, with the data of its tensors: entries of
// `external_data` with the key "location" (StringStringEntryProto: field 1 is the key, field 2 the
// value).
std::set<std::string> locations_in(std::string_view graph) {
  constexpr std::string_view kStart = "\x0a\x08location\x12";
  std::set<std::string> found;
  for (size_t at = graph.find(kStart); at != std::string_view::npos; at = graph.find(kStart, at)) {
    at += kStart.size();
    size_t length = 0;
    for (int shift = 0; at < graph.size() && shift < 28; shift += 7) {
      const auto byte = static_cast<unsigned char>(graph[at++]);
      length |= static_cast<size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (length <= graph.size() - at) found.emplace(graph.substr(at, length));
  }
  return found;
}

}  // namespace

std::string graph_hash(const fs::path& path) {
  const std::string graph = read_file(path);
  std::string hash = hash_hex(graph);
  std::error_code ignored;
  if (path.extension() == ".xml") {
    const fs::path weights = fs::path(path).replace_extension(".bin");
    if (fs::exists(weights, ignored)) hash += data::file_hash(weights);
    return hash;
  }
  for (const std::string& location : locations_in(graph)) {
    const fs::path weights = path.parent_path() / location;
    if (fs::is_regular_file(weights, ignored)) hash += data::file_hash(weights);
  }
  return hash;
}

}  // namespace retort::models
