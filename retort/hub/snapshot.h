#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::hub {

// The folder with a repository's files at one commit, or some of them: config.json, weights, …
struct Snapshot {
  std::filesystem::path folder;
};

// The snapshot for a path on this machine: for a repository's folder in the hub's cache
// (models--org--name) the snapshot of main; for any other folder the folder itself; for a blob of
// the cache a snapshot that links to it; for any other file its folder. Throws Error when there is
// none.
Snapshot snapshot_at(const std::filesystem::path& path);

// The files that hold the weights: model.safetensors, or the shards that
// model.safetensors.index.json names, or the one other .safetensors file; where there is none of
// these, pytorch_model.bin, its shards, or the one .bin, .pth or .pt file. Sorted by name. Throws
// Error, naming the file or the folder, when a shard is missing, an index is malformed or leads out
// of the folder, there are several such files, or none.
std::vector<std::filesystem::path> weight_files(const Snapshot& snapshot);

// Chooses the weights among these names by the same rules. Throws Error, naming `where`, as
// weight_files does, and where there are only pickled files and `pickled` is false.
struct WeightChoice {
  std::string name;
  bool is_index = false;  // JSON that names the shards
};
WeightChoice choose_weights(const std::vector<std::string>& names, bool pickled,
                            const std::string& where);

// The shards that an index names, each once, sorted. Throws Error on a malformed index and unsafe
// names.
std::vector<std::string> shards_of(const std::filesystem::path& index);

}  // namespace retort::hub
