#include <algorithm>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/hash.h"
#include "retort/models/programs/graph_network.h"

namespace retort::models {
namespace fs = std::filesystem;
namespace {

std::string hash_of_file(const fs::path& path) {
  const MappedFile file(path);
  return hash_hex(file.bytes());
}

// An ONNX file has the names of the files with its external data in it, as they are. A file that is
// named by chance does no harm.
std::vector<fs::path> named_in(const std::string& graph, const fs::path& folder,
                               const fs::path& own) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename() == own.filename() || !it->is_regular_file(ignored)) continue;
    if (graph.find(it->path().filename().string()) != std::string::npos)
      found.push_back(it->path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

std::string graph_hash(const fs::path& path) {
  const std::string graph = read_file(path);
  std::string hash = hash_hex(graph);
  std::error_code ignored;
  if (path.extension() == ".xml") {
    const fs::path weights = fs::path(path).replace_extension(".bin");
    if (fs::exists(weights, ignored)) hash += hash_of_file(weights);
    return hash;
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (const fs::path& data : named_in(graph, folder, path)) hash += hash_of_file(data);
  return hash;
}

}  // namespace retort::models
