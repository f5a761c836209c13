// Implements graph_network.h in a build without OpenVINO.
#include "retort/core/error.h"
#include "retort/models/programs/graph_network.h"

namespace retort::models {
namespace {

[[noreturn]] void fail(const std::string& path) {
  throw Error("is a graph, which OpenVINO runs, and this build of retort has none", path,
              "get it with `scripts/install.sh onnx`, and build again");
}

}  // namespace

std::vector<GraphTensor> feature_candidates(const std::filesystem::path& path, size_t) {
  fail(path.string());
}

ModelSpec graph_spec(const std::filesystem::path& path, const std::string&) { fail(path.string()); }

std::optional<std::string> graph_metadata(const std::filesystem::path& path, const std::string&) {
  fail(path.string());
}

}  // namespace retort::models
