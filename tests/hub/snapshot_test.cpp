#include "retort/hub/snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::hub {
namespace {

namespace fs = std::filesystem;
using retort::testing::error_of;
using retort::testing::put;
using retort::testing::says;
using retort::testing::TestFolder;

class Weights : public ::testing::Test {
 protected:
  std::vector<std::string> found(const std::vector<std::string>& names) {
    fs::remove_all(folder_ / "s");
    fs::create_directories(folder_ / "s");
    for (const std::string& name : names) put(folder_ / ("s/" + name), "x");
    std::vector<std::string> files;
    for (const fs::path& file : weight_files({folder_ / "s"}))
      files.push_back(fs::relative(file, folder_ / "s").string());
    return files;
  }
  TestFolder folder_;
};

TEST_F(Weights, SafetensorsComeFirst) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(found({"model.safetensors", "other.safetensors", "pytorch_model.bin"}),
            Names{"model.safetensors"});
  EXPECT_EQ(found({"open_clip_model.safetensors", "open_clip_pytorch_model.bin", "config.json"}),
            Names{"open_clip_model.safetensors"});
  EXPECT_EQ(found({"pytorch_model.bin", "training_args.bin"}), Names{"pytorch_model.bin"});
  EXPECT_EQ(found({"weights.pth", "training_args.bin"}), Names{"weights.pth"});
}

TEST_F(Weights, AChoiceIsLeftToTheUser) {
  const std::string message = error_of([&] {
    found({"a.safetensors", "b.safetensors", "pytorch_model.bin"});
  });
  EXPECT_TRUE(says(message, "holds several weight files: 'a.safetensors', 'b.safetensors'"));
  EXPECT_TRUE(says(error_of([&] { found({"a.pth", "b.bin"}); }), "holds several weight files"));
  EXPECT_TRUE(says(error_of([&] { found({"config.json", "model.onnx"}); }), "holds no weights"));
  EXPECT_TRUE(says(error_of([&] { weight_files({folder_ / "missing"}); }), "missing"));
}

TEST_F(Weights, AMissingShardIsNamed) {
  put(folder_ / "model.safetensors.index.json",
      R"({"metadata": {}, "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}})");
  put(folder_ / "m-1.safetensors", "x");
  EXPECT_TRUE(
      says(error_of([&] { weight_files({folder_.path()}); }), "lacks the shard 'm-2.safetensors'"));
  put(folder_ / "m-2.safetensors", "x");
  EXPECT_EQ(weight_files({folder_.path()}),
            (std::vector{folder_ / "m-1.safetensors", folder_ / "m-2.safetensors"}));
}

TEST_F(Weights, MalformedIndexesAreRefused) {
  const fs::path index = folder_ / "model.safetensors.index.json";
  std::string many = R"({"weight_map": {"t": "s")";
  for (int i = 0; i < 10'001; ++i)
    many += ", \"" + std::to_string(i) + "\": \"" + std::to_string(i) + "\"";
  struct Broken {
    std::string text;
    const char* says;
  };
  const Broken cases[] = {
      {"", "not valid JSON"},
      {"{", "not valid JSON"},
      {"[]", "no JSON object"},
      {"{}", "lacks 'weight_map'"},
      {R"({"weight_map": null})", "lacks 'weight_map'"},
      {R"({"weight_map": []})", "weight_map: names no shards"},
      {R"({"weight_map": {}})", "weight_map: names no shards"},
      {R"({"weight_map": {"a": 1}})", "the shard of 'a' is not a text"},
      {R"({"weight_map": {"a": "../x.safetensors"}})", "is not a file beside it"},
      {R"({"weight_map": {"a": "/etc/passwd"}})", "is not a file beside it"},
      {R"({"weight_map": {"a": "b/x.safetensors"}})", "is not a file beside it"},
      {R"({"weight_map": {"a": "b\u0000x"}})", "is not a file beside it"},
      {R"({"weight_map": {"a": ""}})", "is not a file beside it"},
      {many + "}}", "more than 10,000 shards"},
      {R"({"weight_map": )" + std::string(100'000, '[') + "}", "nested more than 32 deep"},
      {"{\"weight_map\": {\"a\": \"\xff\"}}", "not valid JSON"}};
  for (const Broken& malformed : cases) {
    put(index, malformed.text);
    const std::string message = error_of([&] { weight_files({folder_.path()}); });
    EXPECT_TRUE(says(message, malformed.says)) << malformed.text.substr(0, 100);
    EXPECT_TRUE(says(message, "model.safetensors.index.json")) << malformed.text.substr(0, 100);
  }
}

TEST(SnapshotAt, IsWhatAPathMeans) {
  const TestFolder cache;
  const std::string commit(40, 'a');
  const fs::path repository = cache / "models--org--name",
                 folder = repository / "snapshots" / commit;
  fs::create_directories(repository / "blobs");
  fs::create_directories(repository / "refs");
  fs::create_directories(folder);
  put(repository / "blobs/1234", "x");
  put(repository / "blobs/5678", "x");
  fs::create_symlink("../../blobs/1234", folder / "model.safetensors");
  put(repository / "refs/main", commit);
  EXPECT_EQ(snapshot_at(folder).folder, folder);
  EXPECT_EQ(snapshot_at(folder / "model.safetensors").folder, folder);
  EXPECT_EQ(snapshot_at(repository).folder, folder);
  EXPECT_EQ(snapshot_at(repository / "").folder, folder);
  EXPECT_EQ(snapshot_at(repository / "blobs/1234").folder, folder);
  EXPECT_EQ(snapshot_at(repository / "blobs/5678").folder,
            repository / "blobs");  // no snapshot has it
  EXPECT_EQ(snapshot_at(cache.path()).folder, cache.path());
  EXPECT_TRUE(says(error_of([&] { snapshot_at(cache / "missing"); }), "no such file or folder"));
  fs::remove(repository / "refs/main");
  EXPECT_TRUE(
      says(error_of([&] { snapshot_at(repository); }), "holds no snapshot of the main revision"));
  put(repository / "refs/main", "../../../etc");
  EXPECT_TRUE(says(error_of([&] { snapshot_at(repository); }), "does not hold a commit's name"));
}

}  // namespace
}  // namespace retort::hub
