#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/models/image_model.h"

namespace retort::models {

// A teacher as a graph of operators: an ONNX file (*.onnx), or OpenVINO's format (*.xml, with its
// weights in *.bin beside it). OpenVINO runs it in float32; it is never trained. In a build without
// OpenVINO (cmake/OpenVino.cmake) the functions that need it throw an Error that says how to get
// it.
inline bool names_graph(const std::filesystem::path& path) {
  return path.extension() == ".onnx" || path.extension() == ".xml";
}

// Whether the network is a graph. OpenVINO owns its parameters and operators, so that they cannot
// be counted or traced.
inline constexpr const char* kGraphArch = "onnx";
inline bool is_graph(const ModelSpec& spec) { return spec.arch == kGraphArch; }

// A tensor in a graph. A size that is not fixed is -1.
struct GraphTensor {
  std::string name;
  std::vector<int64_t> shape;
};

// The last `most` tensors that could be features, in the graph's order: [N, D], [N, D, height,
// width] or [N, tokens, D] with a fixed D > 1. Throws Error on a file that OpenVINO does not read.
std::vector<GraphTensor> feature_candidates(const std::filesystem::path& path, size_t most = 24);

// The spec, for make_model, of the network in the file: kGraphArch with the options `file` and
// `features`, the tensor that is read; where that is empty it is the input of the linear classifier
// at the end, or the output where there is none. Maps and tokens are averaged. A file that `retort`
// exported says how its images are prepared; others are assumed to use ImageNet's mean and
// deviation. Throws Error on a file that OpenVINO does not read, on inputs other than one batch of
// images, and on an unknown tensor.
ModelSpec graph_spec(const std::filesystem::path& path, const std::string& features);

// A hash of the file's bytes and of the files beside it that have its weights: the .bin of an .xml,
// and the external data of an ONNX file. Throws Error where the file cannot be read.
std::string graph_hash(const std::filesystem::path& path);

// The value of this key in the graph's metadata (`metadata_props` of an ONNX file); nothing without
// it.
std::optional<std::string> graph_metadata(const std::filesystem::path& path,
                                          const std::string& key);

}  // namespace retort::models
