#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::models {

// A teacher as a graph of operators: an ONNX file (*.onnx), or OpenVINO's own (*.xml, its weights
// in *.bin beside it). OpenVINO runs it, in float32; it is never trained. Not every build has
// OpenVINO (cmake/OpenVino.cmake): what needs it then throws an Error that says how to get it.
inline bool names_graph(const std::filesystem::path& path) {
  return path.extension() == ".onnx" || path.extension() == ".xml";
}

// Whether the network is one: its parameters and operators are OpenVINO's, and cannot be counted or
// traced.
inline constexpr const char* kGraphArch = "onnx";
inline bool is_graph(const ModelSpec& spec) { return spec.arch == kGraphArch; }

// Of a tensor in a graph; -1 for a size that is not fixed.
struct GraphTensor {
  std::string name;
  std::vector<int64_t> shape;
};

// What could be features, in the graph's order, of the last `most`: [N, D], [N, D, height, width]
// or [N, tokens, D] with a fixed D > 1.
std::vector<GraphTensor> feature_candidates(const std::filesystem::path& path, size_t most = 24);

// The spec of the network in the file, for make_model: kGraphArch; option `file`; `features`, the
// tensor that is read: empty for what the linear classifier at the end reads, or for the output
// where there is none. Maps and tokens are averaged. A file that `retort` exported says how it
// wants its images; another is taken for one with ImageNet's mean and deviation.
ModelSpec graph_spec(const std::filesystem::path& path, const std::string& features);

// A hash of the bytes of the file and of those beside it that hold its weights: an .xml's .bin, and
// what an ONNX file names as its external data.
std::string graph_hash(const std::filesystem::path& path);

// What the graph's own metadata holds under this key: `metadata_props` of an ONNX file; or nothing.
std::optional<std::string> graph_metadata(const std::filesystem::path& path,
                                          const std::string& key);

}  // namespace retort::models
