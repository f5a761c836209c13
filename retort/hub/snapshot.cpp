#include "retort/hub/snapshot.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/hub/cache.h"
#include "retort/hub/field.h"
#include "retort/hub/reference.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxShards = 10'000;
constexpr size_t kMaxNamed = 6;  // in a message

struct Kind {
  const char *whole, *index;
  std::array<std::string_view, 3> endings;  // may repeat
};
constexpr Kind kSafetensors{"model.safetensors",
                            "model.safetensors.index.json",
                            {".safetensors", ".safetensors", ".safetensors"}};
constexpr Kind kPickled{
    "pytorch_model.bin", "pytorch_model.bin.index.json", {".bin", ".pth", ".pt"}};
constexpr const char* kTrainingArguments =
    "training_args.bin";  // transformers' trainer writes it; it holds no weights

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMaxNamed); ++i)
    text += (i == 0 ? "" : ", ") + quote_name(names[i]);
  return names.size() > kMaxNamed ? text + ", …" : text;
}

std::optional<WeightChoice> choose(const std::vector<std::string>& names, const Kind& kind,
                                   const std::string& where) {
  const auto holds = [&](const char* name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (holds(kind.whole)) return WeightChoice{kind.whole};
  if (holds(kind.index)) return WeightChoice{kind.index, true};
  std::vector<std::string> others;
  std::ranges::copy_if(names, std::back_inserter(others), [&](const std::string& name) {
    return name.find('/') == name.npos && name != kTrainingArguments &&
           std::ranges::any_of(kind.endings,
                               [&](std::string_view ending) { return name.ends_with(ending); });
  });
  if (others.size() > 1)
    throw Error("holds several weight files: " + listed(others), where,
                "name the one that is wanted: `retort pull` takes it with --file");
  return others.empty() ? std::nullopt : std::optional(WeightChoice{others.front()});
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) names.push_back(entry->path().filename().string());
  }
  if (error) throw Error("cannot be read: " + error.message(), folder.string());
  std::ranges::sort(names);
  return names;
}

// The snapshot with a link to the blob; nothing where there is none.
std::optional<Snapshot> snapshot_of_blob(const fs::path& blob) {
  std::error_code error;
  const fs::path folder = blob.parent_path();
  if (folder.filename() != "blobs") return std::nullopt;
  for (fs::recursive_directory_iterator entry(folder.parent_path() / "snapshots", error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_symlink(ignored) && fs::equivalent(entry->path(), blob, ignored))
      return Snapshot{entry->path().parent_path()};
  }
  return std::nullopt;
}

}  // namespace

Snapshot snapshot_at(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw Error("there is no such file or folder", path.string());
  if (!fs::is_directory(path, error)) {
    const fs::path file = fs::absolute(path);
    return snapshot_of_blob(file).value_or(Snapshot{file.parent_path()});
  }
  fs::path folder = fs::absolute(path).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const std::string name = folder.filename().string();
  if (!name.starts_with("models--") || !fs::is_directory(folder / "snapshots", error))
    return {folder};
  const RepositoryCache cache(folder.parent_path(),
                              name.substr(std::string_view("models--").size()));
  const auto commit = cache.commit_of("main");
  if (!commit || !fs::is_directory(cache.snapshot(*commit), error))
    throw Error("holds no snapshot of the main revision", folder.string(),
                "name a folder under its snapshots/");
  return {cache.snapshot(*commit)};
}

WeightChoice choose_weights(const std::vector<std::string>& names, bool pickled,
                            const std::string& where) {
  if (const auto found = choose(names, kSafetensors, where)) return *found;
  const auto found = choose(names, kPickled, where);
  if (!found) throw Error("holds no weights: no .safetensors, .bin or .pth file", where);
  if (!pickled)
    throw Error("has its weights as a pickled file only: " + quote_name(found->name), where,
                "--pth takes such files");
  return *found;
}

std::vector<std::string> shards_of(const fs::path& index) {
  const nlohmann::json object = read_object(index);
  const Field map = Field(object, index.string()).at("weight_map");
  if (!map.is_object() || map.size() == 0) map.fail("names no shards");
  std::set<std::string> shards;
  for (const auto& [tensor, file] : map.value().items()) {
    if (!file.is_string()) map.fail("the shard of " + quote_name(tensor) + " is not a text");
    const auto& name = file.get_ref<const std::string&>();
    if (!is_safe_name(name) || name.find('/') != name.npos)
      map.fail("the shard " + quote_name(name) + " is not a file beside it");
    shards.insert(name);
  }
  if (shards.size() > kMaxShards) map.fail("names more than 10,000 shards");
  return {shards.begin(), shards.end()};
}

std::vector<fs::path> weight_files(const Snapshot& snapshot) {
  const WeightChoice choice =
      choose_weights(files_in(snapshot.folder), true, snapshot.folder.string());
  if (!choice.is_index) return {snapshot.folder / choice.name};
  std::vector<fs::path> files;
  for (const std::string& shard : shards_of(snapshot.folder / choice.name)) {
    files.push_back(snapshot.folder / shard);
    std::error_code ignored;
    if (!fs::is_regular_file(files.back(), ignored))
      throw Error("lacks the shard " + quote_name(shard) + ", which " + choice.name + " names",
                  snapshot.folder.string(), "download the snapshot again: what is there is kept");
  }
  return files;
}

}  // namespace retort::hub
