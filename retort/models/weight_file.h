#pragma once

#include <filesystem>

#include "retort/core/safetensors.h"

namespace retort::models {

// The tensors of a weight file, by content, whatever its name: safetensors; .pth as torch.save writes it since 1.6 (zip) and as it did
// before (legacy pickles). Pickles go through an allow-listed machine that builds tensors, dicts, lists, numbers and strings and can call
// nothing else. A checkpoint that nests its weights (`state_dict_ema`, `state_dict`, `model_state_dict`, `model`, `net`, the first of these
// that holds any; as timm does, averaged weights come first) is unwrapped, entries that are not tensors are left out, and a `module.`
// prefix that all names share is dropped. Dtypes stay as they are. The tensors are for reading: those of a safetensors file lie in a
// read-only map, and those that shared a storage still share it. Throws Error naming the file and the tensor on anything truncated,
// overlapping, oversized, mistyped, or outside the allow-list.
StateDict read_weights(const std::filesystem::path& path);
// The same with a safetensors file's metadata; a .pth has none.
TensorFile read_weight_file(const std::filesystem::path& path);

}  // namespace retort::models
