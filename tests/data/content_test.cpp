#include "retort/data/content.h"

#include <gtest/gtest.h>

#include "tests/support/folder.h"

namespace retort::data {
namespace {

using testing::TestFolder;

// Two classes; the content of each file is the end of its name, from '-' on.
Manifest manifest_in(const TestFolder& folder) {
  for (const char* file :
       {"train/a/1-same.jpg", "train/a/2-other.jpg", "train/b/3-fifth.jpg", "train/b/4-seventh.jpg",
        "val/a/5-third.jpg", "val/b/6-fifth.jpg", "test/a/7-same.jpg", "test/b/8-fifth.jpg"}) {
    const std::string name = file;
    folder.write("set/" + name, name.substr(name.find('-')));
  }
  return load_manifest(folder / "set");
}

TEST(Content, CopiesAcrossSplitsAreFound) {
  const TestFolder folder;
  const Manifest manifest = manifest_in(folder);
  const Twins twins = find_twins(manifest, item_hashes(manifest, folder / "cache"));
  const auto paths = [&](const std::vector<int64_t>& items) {
    std::vector<std::string> found;
    for (const int64_t item : items)
      found.push_back(manifest.items[static_cast<size_t>(item)].path);
    return found;
  };
  EXPECT_EQ(paths(twins.train_of_val), (std::vector<std::string>{"train/b/3-fifth.jpg"}));
  EXPECT_EQ(paths(twins.train_of_test),
            (std::vector<std::string>{"train/a/1-same.jpg", "train/b/3-fifth.jpg"}));
  EXPECT_EQ(twins.val_of_test, 1);
}

TEST(Content, HashesAreKeptAndMadeAgainWhenTheyAreNotWhole) {
  const TestFolder folder;
  const Manifest manifest = manifest_in(folder);
  const std::vector<FileHash> hashes = item_hashes(manifest, folder / "cache");
  ASSERT_EQ(hashes.size(), manifest.items.size());
  const auto kept = std::filesystem::directory_iterator(folder / "cache/contents")->path();
  EXPECT_EQ(item_hashes(manifest, folder / "cache"), hashes);
  testing::put(kept, "cut off");
  const std::filesystem::path half = kept.string() + ".tmp0123456789abcdef";  // a killed process's
  testing::put(half, "");
  EXPECT_EQ(item_hashes(manifest, folder / "cache"), hashes);
  EXPECT_FALSE(std::filesystem::exists(half));
}

TEST(Content, AFolderIsItsFilesAndTheirNames) {
  const TestFolder folder;
  folder.write("one/a", "1");
  folder.write("two/a", "1");
  EXPECT_EQ(file_hash(folder / "one"), file_hash(folder / "two"));
  folder.write("two/b", "");
  EXPECT_NE(file_hash(folder / "one"), file_hash(folder / "two"));
  EXPECT_EQ(file_hash(folder / "gone"), "unreadable");
}

}  // namespace
}  // namespace retort::data
