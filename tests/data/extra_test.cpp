#include "retort/data/extra.h"

#include <gtest/gtest.h>

#include <map>

#include "retort/core/error.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

namespace fs = std::filesystem;

TEST(Extra, IsAFolderAndARatio) {
  EXPECT_EQ(extra_from("pile").path, "pile");
  EXPECT_EQ(extra_from("pile").ratio, 1);
  EXPECT_EQ(extra_from("a/pile:2.5").path, "a/pile");
  EXPECT_EQ(extra_from("a/pile:2.5").ratio, 2.5);
  EXPECT_EQ(extra_from("C:pile").path, "C:pile");
  EXPECT_EQ(extra_from("a:b:3").path, "a:b");
  for (const char* wrong : {"pile:0", "pile:-1", "pile:1001", "pile:nan"})
    EXPECT_USAGE_ERROR(extra_from(wrong), "the ratio must be in (0, 1000]") << wrong;
}

TEST(Extra, AFolderThatIsThereIsMeantAsItIs) {
  const testing::TestFolder folder;
  fs::create_directories(folder / "pile:2");
  EXPECT_EQ(extra_from((folder / "pile:2").string()).path, folder / "pile:2");
  EXPECT_EQ(extra_from((folder / "pile:2").string()).ratio, 1);
  EXPECT_EQ(extra_from((folder / "pile:2:3").string()).path, folder / "pile:2");
  EXPECT_EQ(extra_from((folder / "pile:2:3").string()).ratio, 3);
}

class ExtraFolder : public ::testing::Test {
 protected:
  void add(const std::string& path) {
    fs::create_directories((folder_ / path).parent_path());
    testing::put(folder_ / path, "not looked into");
  }
  testing::TestFolder folder_;
};

TEST_F(ExtraFolder, LabelsComeFromTheInnermostFolderThatIsAClass) {
  for (const char* path :
       {"a.jpg", "cat/b.png", "dog/cat/c.jpg", "cat/other/d.webp", "bird/e.jpg", "notes.txt"})
    add(path);
  const Manifest manifest = load_extra(folder_.path(), {"cat", "dog"});
  std::vector<std::pair<std::string, int64_t>> found;
  for (const Item& item : manifest.items) found.emplace_back(item.path, item.label);
  EXPECT_EQ(found, (std::vector<std::pair<std::string, int64_t>>{{"a.jpg", kUnlabelled},
                                                                 {"bird/e.jpg", kUnlabelled},
                                                                 {"cat/b.png", 0},
                                                                 {"cat/other/d.webp", 0},
                                                                 {"dog/cat/c.jpg", 0}}));
  EXPECT_EQ(manifest.of(Split::train).size(), 5U);
}

TEST_F(ExtraFolder, OfADataSetOnlyTrainIsTaken) {
  for (const char* path : {"train/cat/a.jpg", "test/cat/b.jpg", "val/dog/c.jpg"}) add(path);
  const Manifest manifest = load_extra(folder_.path(), {"cat", "dog"});
  ASSERT_EQ(manifest.items.size(), 1U);
  EXPECT_EQ(manifest.root / manifest.items[0].path, folder_ / "train/cat/a.jpg");
}

TEST_F(ExtraFolder, OtherSpellingsOfSplitsAndClasses) {
  for (const char* path : {"Training/Cat/a.jpg", "Testing/cat/b.jpg", "Training/@eaDir/a.jpg"})
    add(path);
  const Manifest manifest = load_extra(folder_.path(), {"cat", "dog"});
  ASSERT_EQ(manifest.items.size(), 1U);
  EXPECT_EQ(manifest.items[0].label, 0);
  ASSERT_EQ(manifest.notes.size(), 2U);
  EXPECT_EQ(manifest.notes[0].text, "reads 'Training', the training images, alone");
}

TEST_F(ExtraFolder, NothingThereIsAnError) {
  EXPECT_ERROR(load_extra(folder_ / "nowhere", {"cat", "dog"}), "nowhere: there is no such folder");
  add("notes.txt");
  EXPECT_ERROR(load_extra(folder_.path(), {"cat", "dog"}), "holds no images");
}

TEST_F(ExtraFolder, WhatIsListedAsRejectedIsLeftOut) {
  for (const char* path : {"cat/a.jpg", "cat/b, c.jpg", "dog/d.jpg"}) add(path);
  testing::put(folder_ / kRejectedFile,
               "path,class,reason\n\"cat/b, c.jpg\",cat,unsure\ncat/gone.jpg,cat,unsure\n");
  EXPECT_EQ(load_extra(folder_.path(), {"cat", "dog"}).items.size(), 2U);
  EXPECT_EQ(load_extra(folder_.path(), {"cat", "dog"}, Rejected::taken).items.size(), 3U);
  testing::put(folder_ / kRejectedFile, "path\ncat/a.jpg\n\"cat/b, c.jpg\"\ndog/d.jpg\n");
  EXPECT_ERROR(load_extra(folder_.path(), {"cat", "dog"}),
               "add images, or take lines out of rejected.csv");
  for (const auto& [broken, message] : std::map<std::string, std::string>{
           {"", "rejected.csv: does not start with the column `path`"},
           {"class\n", "rejected.csv: does not start with the column `path`"},
           {"\"path", "rejected.csv:1: "}}) {
    testing::put(folder_ / kRejectedFile, broken);
    EXPECT_ERROR(load_extra(folder_.path(), {"cat", "dog"}), message) << broken;
  }
}

TEST_F(ExtraFolder, WithoutLabelsAShareIsForValidation) {
  for (int i = 0; i < 20; ++i) add((i < 10 ? "cat/" : "any/") + std::to_string(i) + ".jpg");
  const Manifest manifest = load_unlabelled(folder_.path(), {"cat", "dog"}, {.val_fraction = 0.25});
  EXPECT_EQ(manifest.of(Split::train).size(), 15U);
  EXPECT_EQ(manifest.of(Split::val).size(), 5U);
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_TRUE(std::ranges::all_of(manifest.items,
                                  [](const Item& item) { return item.label == kUnlabelled; }));
  EXPECT_EQ(manifest.digest(),
            load_unlabelled(folder_.path(), {"cat", "dog"}, {.val_fraction = 0.25}).digest());
  EXPECT_NE(manifest.digest(),
            load_unlabelled(folder_.path(), {"cat", "dog"}, {.val_fraction = 0.25, .split_seed = 1})
                .digest());
  EXPECT_ERROR(load_unlabelled(folder_.path(), {"cat"}, {}), "needs at least two classes");
  EXPECT_ERROR(load_unlabelled(folder_ / "none", {"cat", "dog"}, {}),
               "none: there is no such folder");
}

}  // namespace
}  // namespace retort::data
