#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/safetensors.h"

namespace retort::weights {

struct WeightFile {
  StateDict tensors;
  Metadata metadata;  // of a safetensors file; a .pth has none
  std::string set;    // the set of weights that was read, such as "model_ema"; may be empty
  std::vector<std::string> others;  // other sets in the file
};

// Reads the tensors of a weight file. The content decides its kind, not the name: safetensors, or
// .pth as torch.save writes it since 1.6 (zip) and before (legacy pickles). Pickles are read by an
// allow-list that builds tensors, dicts, lists, numbers and strings and calls nothing (pickle.h).
// Other objects of a trainer (its arguments, numpy's numbers, a scheduler) are skipped.
//
// A checkpoint that nests its weights is unwrapped (checkpoint.h), and what wrappers add to their
// names is removed (weight_names.h). `set` chooses the weights where a file has several sets. Types
// stay as they are. The tensors must not be written to: those of a safetensors file are in a
// read-only memory map, and those that shared a storage still share it.
//
// Throws Error, naming the file and the tensor, on data that is truncated, overlapping, oversized
// or of a wrong type, and where there are no weights or none under `set`.
WeightFile read_weight_file(const std::filesystem::path& path, const std::string& set = "");
StateDict read_weights(const std::filesystem::path& path);

// The tensors of a TorchScript archive, named by their attributes; its code is not run. Nothing
// where no tensor is called `holding`. Throws Error on a damaged archive.
std::optional<StateDict> read_script_weights(const std::filesystem::path& path,
                                             const std::string& holding);

}  // namespace retort::weights
