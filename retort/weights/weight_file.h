#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retort/core/safetensors.h"

namespace retort::weights {

struct WeightFile {
  StateDict tensors;
  Metadata metadata;  // a safetensors file's; a .pth has none
  std::string set;    // which of several sets of weights these are, "model_ema"; or empty
  std::vector<std::string> others;  // the other sets in the file
};

// Reads the tensors of a weight file, whose kind is told by its content and not by its name:
// safetensors, or .pth as torch.save writes it since 1.6 (zip) and as it did before (legacy
// pickles). Pickles go through an allow-listed machine that builds tensors, dicts, lists, numbers
// and strings and can call nothing. What a trainer left beside the weights (its arguments, numpy's
// numbers, a scheduler) is passed over.
//
// A checkpoint that nests its weights is unwrapped (checkpoint.h), and what wrappers put into their
// names is left out (weight_names.h). `set` names the weights that are wanted where a file has
// several. Dtypes stay as they are. The tensors are for reading only: those of a safetensors file
// lie in a read-only map, and those that shared a storage still share it.
//
// Throws Error naming the file and the tensor on anything truncated, overlapping, oversized or
// mistyped, and where there are no such weights.
WeightFile read_weight_file(const std::filesystem::path& path, const std::string& set = "");
StateDict read_weights(const std::filesystem::path& path);

// The tensors of a TorchScript archive by their attributes, none of whose code is run; nothing
// where none of them is called `holding`.
std::optional<StateDict> read_script_weights(const std::filesystem::path& path,
                                             const std::string& holding);

}  // namespace retort::weights
