#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::hub {

// A repository's files as they were at one commit, or a part of them: config.json, weights, …
struct Snapshot {
  std::filesystem::path folder;
};

// The snapshot that a path on this machine means: the folder itself; a repository's folder in the
// hub's cache (models--org--name), of which it is main's; for a file, the folder that it lies in,
// and for a blob of the cache the snapshot that links to it. Throws Error when there is none.
Snapshot snapshot_at(const std::filesystem::path& path);

// The files that hold the weights: model.safetensors, or the shards that
// model.safetensors.index.json names, or the one other .safetensors file; where there is none of
// these, pytorch_model.bin, its shards, or the one .bin, .pth or .pt file. In the names' order.
// Throws Error naming the file when a shard is missing, an index is malformed or leads out of the
// folder, there is a choice, or nothing to choose.
std::vector<std::filesystem::path> weight_files(const Snapshot& snapshot);

// Which of these names are the weights, by the same order. Throws Error naming `where` as
// weight_files does; with pickled files alone where `pickled` is false, too.
struct WeightChoice {
  std::string name;
  bool is_index = false;  // JSON that names the shards
};
WeightChoice choose_weights(const std::vector<std::string>& names, bool pickled,
                            const std::string& where);

// The shards that an index names, each once, in order. Throws Error on malformed ones and unsafe
// names.
std::vector<std::string> shards_of(const std::filesystem::path& index);

}  // namespace retort::hub
