#include "retort/data/manifest.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <map>
#include <set>

#include "retort/core/error.h"
#include "tests/data/folder.h"
#include "tests/data/manifest_errors.h"
#include "tests/data/photos.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

namespace fs = std::filesystem;
using testing::TestFolder;

void fill(const TestFolder& folder, const std::string& prefix, int count) {
  for (int i = 0; i < count; ++i) folder.write(prefix + "/" + std::to_string(i) + ".jpg");
}

std::map<int64_t, int64_t> per_class(const Manifest& manifest, Split split) {
  std::map<int64_t, int64_t> counts;
  for (const int64_t i : manifest.of(split)) ++counts[manifest.items[static_cast<size_t>(i)].label];
  return counts;
}

std::set<std::string> paths(const Manifest& manifest, Split split) {
  std::set<std::string> found;
  for (const int64_t i : manifest.of(split))
    found.insert(manifest.items[static_cast<size_t>(i)].path);
  return found;
}

TEST(Manifest, SplitFolders) {
  for (const char* val : {"val", "valid", "validation"}) {
    const TestFolder folder;
    for (const std::string split : {"train", val, "test"}) {
      fill(folder, split + "/dog", 3);
      fill(folder, split + "/cat", 2);
    }
    folder.write("train/cat/deep/er/z.WEBP");
    folder.write("train/cat/notes.txt");
    folder.write("train/cat/.hidden.png");
    folder.write("train/.cache/x.png");
    folder.write("train/loose.jpg");
    const Manifest manifest = load_manifest(folder.path());
    EXPECT_EQ(manifest.classes, (std::vector<std::string>{"cat", "dog"}));
    EXPECT_EQ(
        paths(manifest, Split::train),
        (std::set<std::string>{"train/cat/0.jpg", "train/cat/1.jpg", "train/cat/deep/er/z.WEBP",
                               "train/dog/0.jpg", "train/dog/1.jpg", "train/dog/2.jpg"}));
    EXPECT_EQ(per_class(manifest, Split::val), (std::map<int64_t, int64_t>{{0, 2}, {1, 3}}));
    EXPECT_EQ(per_class(manifest, Split::test), (std::map<int64_t, int64_t>{{0, 2}, {1, 3}}));
    for (size_t i = 0; i < manifest.items.size(); ++i)
      EXPECT_TRUE(fs::exists(manifest.file(static_cast<int64_t>(i))));
  }
}

TEST(Manifest, ItemsAreSortedByPathWithinASplit) {
  const TestFolder folder;
  fill(folder, "b", 12);
  fill(folder, "a", 12);
  const Manifest manifest = load_manifest(folder.path());
  for (size_t i = 1; i < manifest.items.size(); ++i) {
    const Item &before = manifest.items[i - 1], &item = manifest.items[i];
    EXPECT_TRUE(before.split < item.split ||
                (before.split == item.split && before.path < item.path));
  }
}

TEST(Manifest, ValIsCarvedFromTrainAndTestIsNot) {
  const TestFolder folder;
  fill(folder, "train/a", 40);
  fill(folder, "train/b", 2);
  fill(folder, "train/c", 1);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(per_class(manifest, Split::val), (std::map<int64_t, int64_t>{{0, 4}, {1, 1}}));
  EXPECT_EQ(per_class(manifest, Split::train),
            (std::map<int64_t, int64_t>{{0, 36}, {1, 1}, {2, 1}}));
  EXPECT_TRUE(manifest.of(Split::test).empty());
}

TEST(Manifest, OneFolderIsSplitByItsSeed) {
  const TestFolder folder;
  fill(folder, "a", 50);
  fill(folder, "b", 20);
  ManifestOptions options;
  const Manifest manifest = load_manifest(folder.path(), options);
  EXPECT_EQ(per_class(manifest, Split::test), (std::map<int64_t, int64_t>{{0, 10}, {1, 4}}));
  EXPECT_EQ(per_class(manifest, Split::val), (std::map<int64_t, int64_t>{{0, 4}, {1, 2}}));
  EXPECT_EQ(per_class(manifest, Split::train), (std::map<int64_t, int64_t>{{0, 36}, {1, 14}}));
  EXPECT_EQ(paths(load_manifest(folder.path(), options), Split::test),
            paths(manifest, Split::test));
  options.split_seed = 1;
  EXPECT_NE(paths(load_manifest(folder.path(), options), Split::test),
            paths(manifest, Split::test));
  options.test_fraction = 0;
  EXPECT_TRUE(load_manifest(folder.path(), options).of(Split::test).empty());
}

TEST(Manifest, AClassMayBeCalledTrain) {
  const TestFolder folder;
  for (const char* name : {"plane", "train", "car"}) fill(folder, name, 3);
  EXPECT_EQ(load_manifest(folder.path()).classes,
            (std::vector<std::string>{"car", "plane", "train"}));
}

TEST(Manifest, LinksAreFollowedAndLoopsEnd) {
  const TestFolder folder;
  fill(folder, "a", 2);
  fill(folder, "b", 2);
  fs::create_directory_symlink("..", folder / "a/up");
  fs::create_directory_symlink(".", folder / "a/self");
  fs::create_symlink("nowhere.jpg", folder / "a/broken.jpg");
  const Manifest manifest = load_manifest(folder.path());
  int64_t of_a = 0;
  for (const Item& item : manifest.items) of_a += item.label == 0;
  EXPECT_EQ(of_a, 3);  // two, and the broken link; not b's two through `up`
}

TEST(Manifest, ALinkThatLeadsBackIsNoClass) {
  const TestFolder folder;
  fill(folder, "d/cat", 3);
  fill(folder, "d/dog", 3);
  fs::create_directory_symlink(".", folder / "d/loop");
  fs::create_directory_symlink("..", folder / "d/up");
  fs::create_directory_symlink(fs::absolute(folder / "d"), folder / "d/cat/whole");
  fs::create_directory_symlink("d", folder / "by_link");
  for (const char* name : {"d", "by_link"}) {
    const Manifest manifest = load_manifest(folder / name);
    EXPECT_EQ(manifest.classes, (std::vector<std::string>{"cat", "dog"})) << name;
    EXPECT_EQ(manifest.items.size(), 6U) << name;
    const auto told = [](const Note& note) {
      return note.text.find("links to a folder around them (3)") != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(manifest.notes, told)) << name;
  }
}

TEST(Manifest, OneFolderIsNotTwoClasses) {
  const TestFolder folder;
  fill(folder, "cat", 3);
  fill(folder, "dog", 3);
  fs::create_directory_symlink("dog", folder / "hound");
  const std::string message = error_of(folder.path());
  expect_says(message, "would be the classes 'dog' and 'hound'");
  expect_says(message, "remove the link");
}

TEST(Manifest, PicturesOfOtherKindsAreCounted) {
  const TestFolder folder;
  fill(folder, "a", 9);
  testing::RecordingLog log;
  fill(folder, "b", 9);
  const auto warn = [&] { tell_of(load_manifest(folder.path()), log); };
  warn();
  EXPECT_TRUE(log.warnings.empty());
  for (const char* name : {"a/1.JXL", "a/below/2.heic", "a/3.jxl", "a/notes.txt", "a/.hidden.jxl"})
    folder.write(name);
  warn();
  ASSERT_EQ(log.warnings.size(), 1U);
  expect_says(log.warnings[0], "3 pictures of kinds that are not read (.heic .jxl), the first " +
                                   (folder / "a/1.JXL").string());
  folder.write(
      "list.csv",
      "path,label,split\na/0.jpg,a,train\na/1.jpg,a,train\nb/0.jpg,b,train\nb/1.jpg,b,train\n");
  warn_of_unread(load_manifest(folder / "list.csv"), log);  // a list names its own files
  EXPECT_EQ(log.warnings.size(), 1U);
}

TEST(Manifest, FolderErrors) {
  const TestFolder folder;
  expect_says(error_of(folder / "nothing"), "no such folder");
  expect_says(error_of(folder.path()), "0 classes");
  fill(folder, "a", 3);
  expect_says(error_of(folder.path()), "at least two");
  fs::create_directories(folder / "b");
  expect_says(error_of(folder.path()), "holds no images");
  fill(folder, "b", 3);
  fill(folder, "B ", 3);
  expect_says(error_of(folder.path()), "differ only in case");
}

TEST(Manifest, SplitFolderErrors) {
  const TestFolder folder;
  for (const char* name : {"train/a", "train/b", "test/a"}) fill(folder, name, 3);
  fill(folder, "test/c", 1);
  expect_says(error_of(folder.path()), "'c' has no training images");
  fs::remove_all(folder / "test/c");
  EXPECT_NO_THROW(load_manifest(folder.path()));
  fill(folder, "val/a", 1);
  fill(folder, "valid/a", 1);
  expect_says(error_of(folder.path()), "both 'val' and 'valid'");
}

TEST(Manifest, UnreadableFolder) {
  const TestFolder folder;
  fill(folder, "a", 2);
  fill(folder, "b", 2);
  fs::permissions(folder / "b", fs::perms::none);
  if (::access((folder / "b").c_str(), R_OK) == 0)
    GTEST_SKIP() << "permissions do not bind this user";
  expect_says(error_of(folder.path()), "cannot be read");
  fs::permissions(folder / "b", fs::perms::owner_all);
}

TEST(Manifest, SingleImagesLeaveNothingForValidation) {
  const TestFolder folder;
  fill(folder, "a", 1);
  fill(folder, "b", 1);
  expect_says(error_of(folder.path()), "validation");
}

TEST(Manifest, OptionsHaveRanges) {
  const TestFolder folder;
  fill(folder, "a", 4);
  fill(folder, "b", 4);
  for (const double bad : {0.0, 0.6, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    ManifestOptions options;
    options.val_fraction = bad;
    EXPECT_USAGE_ERROR(load_manifest(folder.path(), options), "val_fraction = ");
  }
  ManifestOptions options;
  options.test_fraction = 0.51;
  EXPECT_USAGE_ERROR(load_manifest(folder.path(), options), "test_fraction = 0.51");
}

TEST(Manifest, CsvWithSplits) {
  const TestFolder folder;
  for (const char* name : {"1.jpg", "2,x.jpg", "sub/3.jpg", "4.jpg", "5.jpg"}) folder.write(name);
  folder.write("m.csv",
               "\xEF\xBB\xBFlabel,split,extra,path\r\nx,train,,1.jpg\r\ny,train,,\"2,x.jpg\"\r\nx,"
               "valid,,./sub/../sub/"
               "3.jpg\r\ny,test,,4.jpg\r\nx,train,," +
                   (folder / "5.jpg").string() + "\r\n");
  const Manifest manifest = load_manifest(folder / "m.csv");
  EXPECT_EQ(manifest.root, folder.path());
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(paths(manifest, Split::train),
            (std::set<std::string>{"1.jpg", "2,x.jpg", (folder / "5.jpg").string()}));
  EXPECT_EQ(paths(manifest, Split::val), (std::set<std::string>{"sub/3.jpg"}));
  EXPECT_EQ(paths(manifest, Split::test), (std::set<std::string>{"4.jpg"}));
  for (int64_t i = 0; i < 5; ++i) EXPECT_TRUE(fs::exists(manifest.file(i)));
}

TEST(Manifest, CsvWithoutSplitsIsSplit) {
  const TestFolder folder;
  std::string with = "path,label,split\n", without = "path,label\n";
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i) + ".jpg";
    folder.write(name);
    with += name + (i % 2 ? ",odd,\n" : ",even,\n");
    without += name + (i % 2 ? ",odd\n" : ",even\n");
  }
  folder.write("with.csv", with);
  folder.write("without.csv", without);
  const Manifest manifest = load_manifest(folder / "with.csv");
  EXPECT_EQ(per_class(manifest, Split::test), (std::map<int64_t, int64_t>{{0, 2}, {1, 2}}));
  EXPECT_EQ(per_class(manifest, Split::val), (std::map<int64_t, int64_t>{{0, 1}, {1, 1}}));
  EXPECT_EQ(manifest.digest(), load_manifest(folder / "without.csv").digest());
}

TEST(Manifest, CsvErrorsNameTheLine) {
  const TestFolder folder;
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg"}) folder.write(name);
  const std::string start = "path,label,split\n1.jpg,x,train\n2.jpg,y,train\n";
  const auto error = [&](const std::string& text) {
    folder.write("m.csv", text);
    return error_of(folder / "m.csv");
  };
  expect_says(error(start + "missing.jpg,x,train\n"), "m.csv:4: there is no file 'missing.jpg'");
  expect_says(error(start + "3.jpg,x\n"), "m.csv:4");
  expect_says(error(start + "3.jpg,x,trained\n"), "'trained' is not a split");
  expect_says(error(start + "3.jpg,,train\n"), "m.csv:4: has no label");
  expect_says(error(start + "1.jpg,y,test\n"),
              "m.csv:4: '1.jpg' was listed before, at " + (folder / "m.csv").string() + ":2");
  expect_says(error(start + "3.jpg,x,\n"), "some lines name a split");
  expect_says(error(start + "3.jpg,z,test\n"), "m.csv:4: the class 'z' has no training images");
  expect_says(error(start + "3.jpg, X,train\n"), "differ only in case");
  expect_says(error("document,label\n1.jpg,x\n"), "header needs");
  expect_says(error("path,label,path\n1.jpg,x,1.jpg\n"), "appears twice");
  expect_says(error(""), "is empty");
  expect_says(error("path,label\n"), "add a line for each image");
}

TEST(Manifest, DigestFollowsContentsAndFiles) {
  const TestFolder folder;
  fill(folder, "a", 4);
  fill(folder, "b", 4);
  const std::string digest = load_manifest(folder.path()).digest();
  EXPECT_EQ(load_manifest(folder.path()).digest(), digest);
  folder.write("a/0.jpg", "longer");
  const std::string other_size = load_manifest(folder.path()).digest();
  EXPECT_NE(other_size, digest);
  fs::last_write_time(folder / "a/0.jpg", fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_NE(load_manifest(folder.path()).digest(), other_size);
  ManifestOptions options;
  options.split_seed = 3;
  EXPECT_NE(load_manifest(folder.path(), options).digest(), load_manifest(folder.path()).digest());
}

TEST(Manifest, AnArchiveInThePlaceOfImagesIsNamed) {
  const TestFolder folder;
  folder.write("d/photos.zip");
  expect_says(error_of(folder / "d"), "holds no images, but the archive 'photos.zip'");
  expect_says(error_of(folder / "d"), "unpack it there");
  fill(folder, "e/cat", 3);
  folder.write("e/dog/photos.tar.gz");
  expect_says(error_of(folder / "e"), "no images, but the archive 'photos.tar.gz'");
}

}  // namespace
}  // namespace retort::data
