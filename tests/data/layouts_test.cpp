#include "retort/data/layouts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "retort/core/error.h"
#include "retort/data/image_store.h"
#include "retort/data/record.h"
#include "tests/data/manifest_errors.h"
#include "tests/data/photos.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

namespace fs = std::filesystem;
using testing::photo;
using testing::TestFolder;

void add_photo(const TestFolder& folder, const std::string& name) {
  static const std::string jpeg = encode_jpeg(photo(3), 90);
  folder.write(name, jpeg);
}

// Lines "split class path" of all items.
std::set<std::string> listing(const Manifest& manifest) {
  std::set<std::string> found;
  for (const Item& item : manifest.items)
    found.insert(to_string(item.split) + " " + manifest.classes[static_cast<size_t>(item.label)] +
                 " " + item.path);
  return found;
}

// The number of images of each class in each split.
std::map<std::string, int64_t> counts(const Manifest& manifest) {
  std::map<std::string, int64_t> found;
  for (const Item& item : manifest.items)
    ++found[to_string(item.split) + " " + manifest.classes[static_cast<size_t>(item.label)]];
  return found;
}

void expect_all_decode(const Manifest& manifest) {
  for (size_t i = 0; i < manifest.items.size(); ++i)
    EXPECT_EQ(manifest.read(static_cast<int64_t>(i)).width, photo(3).width);
}

// One image record: label bytes, then planes whose values encode record, channel and position.
std::string record(const std::string& labels, int64_t number) {
  std::string bytes = labels;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < 1024; ++i) bytes += static_cast<char>((50 * c + 7 * number + i) % 251);
  }
  return bytes;
}

void expect_record(const Image& image, int64_t number) {
  ASSERT_EQ(image.width, 32);
  ASSERT_EQ(image.height, 32);
  for (int64_t i = 0; i < 1024; ++i) {
    for (int64_t c = 0; c < 3; ++c)
      ASSERT_EQ(image.rgb[static_cast<size_t>(3 * i + c)], (50 * c + 7 * number + i) % 251)
          << number;
  }
}

std::string byte(int value) { return {static_cast<char>(value)}; }

void write_cifar10(const TestFolder& folder, int64_t per_file = 4) {
  folder.write("batches.meta.txt", "airplane\nautomobile\r\nbird\n\n");
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"}) {
    std::string bytes;
    for (int64_t i = 0; i < per_file; ++i) bytes += record(byte(static_cast<int>(i % 3)), i);
    folder.write(name, bytes);
  }
}

TEST(Layouts, RegisteredOnceAndSorted) {
  std::vector<std::string> names;
  for (const Layout& layout : layouts()) names.push_back(layout.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"CIFAR-10 and CIFAR-100", "CUB-200-2011", "Caltech-101",
                                      "DTD", "Flowers-102", "MIT Indoor-67"}));
  EXPECT_ERROR(register_layout({.name = "DTD"}), "DTD: two layouts are registered");
}

TEST(Layouts, PlainFoldersAreNone) {
  const TestFolder folder;
  for (const char* name : {"images/a.jpg", "labels/a.jpg", "jpg/a.jpg", "jpg/b.jpg", "jpg/c.jpg"})
    add_photo(folder, name);
  EXPECT_EQ(layout_of(folder.path()), nullptr);
  EXPECT_EQ(layout_of(folder / "nothing"), nullptr);
  EXPECT_EQ(load_manifest(folder.path()).classes,
            (std::vector<std::string>{"images", "jpg", "labels"}));
}

TEST(Layouts, Cifar10Binary) {
  const TestFolder folder;
  write_cifar10(folder);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"airplane", "automobile", "bird"}));
  EXPECT_FALSE(manifest.carved);
  // Five files with the labels 0 1 2 0: a tenth of 10, 5 and 5 images goes to validation.
  EXPECT_EQ(counts(manifest), (std::map<std::string, int64_t>{{"test airplane", 2},
                                                              {"test automobile", 1},
                                                              {"test bird", 1},
                                                              {"train airplane", 9},
                                                              {"train automobile", 4},
                                                              {"train bird", 4},
                                                              {"val airplane", 1},
                                                              {"val automobile", 1},
                                                              {"val bird", 1}}));
  EXPECT_TRUE(listing(manifest).contains("test bird test_batch.bin#2"));
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    const auto item = static_cast<int64_t>(i);
    expect_record(manifest.read(item), manifest.items[i].path.back() - '0');
    EXPECT_TRUE(fs::is_regular_file(manifest.file(item)));
  }
}

TEST(Layouts, Cifar100BinaryTakesTheFineLabel) {
  const TestFolder folder;
  folder.write("fine_label_names.txt", "apple\nbear\n");
  folder.write("coarse_label_names.txt", "fruit\nanimal\nfish\n");
  std::string train, test = record(byte(2) + byte(1), 5);
  for (int64_t i = 0; i < 4; ++i) train += record(byte(2) + byte(static_cast<int>(i % 2)), i);
  folder.write("train.bin", train);
  folder.write("test.bin", test);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"apple", "bear"}));
  EXPECT_EQ(counts(manifest), (std::map<std::string, int64_t>{{"test bear", 1},
                                                              {"train apple", 1},
                                                              {"train bear", 1},
                                                              {"val apple", 1},
                                                              {"val bear", 1}}));
  for (const int64_t item : manifest.of(Split::test)) expect_record(manifest.read(item), 5);
}

TEST(Layouts, CifarRecordsGoThroughTheStore) {
  const TestFolder folder;
  write_cifar10(folder);
  const Manifest manifest = load_manifest(folder.path());
  const std::vector<int64_t> items = manifest.of(Split::train);
  const ImageStore store = ImageStore::open(folder / "cache", manifest, items, bounded(64), {});
  ASSERT_EQ(store.size(), 17);
  for (int64_t i = 0; i < store.size(); ++i) {
    const Image image = manifest.read(store.item(i));
    EXPECT_TRUE(std::equal(image.rgb.begin(), image.rgb.end(), store.image(i).rgb));
  }
  const std::string digest = manifest.digest();
  EXPECT_EQ(load_manifest(folder.path()).digest(), digest);
  write_cifar10(folder, 5);
  EXPECT_NE(manifest.digest(), digest);  // the same items, but the files have changed
}

TEST(Layouts, CifarErrorsNameTheFile) {
  const TestFolder folder;
  write_cifar10(folder);
  const auto error = [&](const std::string& name, const std::string& bytes) {
    folder.write(name, bytes);
    std::string message = error_of(folder.path());
    write_cifar10(folder);
    expect_says(message, (folder / name).string());
    return message;
  };
  expect_says(error("data_batch_3.bin", record(byte(0), 0).substr(1)),
              "has 3072 bytes, not a whole number of records of 3073");
  expect_says(error("test_batch.bin", ""), "has 0 bytes");
  expect_says(error("data_batch_2.bin", record(byte(0), 0) + record(byte(3), 1)),
              "record 1 has the label 3, batches.meta.txt names 3 classes");
  expect_says(error("data_batch_2.bin", record(byte(255), 0)), "record 0 has the label 255");
  fs::remove(folder / "data_batch_4.bin");
  expect_says(error_of(folder.path()),
              (folder / "data_batch_4.bin").string() + ": the file is missing");
}

TEST(Layouts, RecordsByTheirPath) {
  const TestFolder folder;
  write_cifar10(folder);
  expect_record(read_image(folder / "data_batch_1.bin#3"), 3);
  expect_says(testing::error_of([&] { read_image(folder / "data_batch_1.bin#4"); }),
              "has 4 records, there is no number 4");
  expect_says(testing::error_of([&] { read_image(folder / "other.bin#0"); }), "cannot be read");
  expect_says(testing::error_of([&] { read_image(folder / "elsewhere/data_batch_1.bin#0"); }),
              "no data set");
  folder.write("data_batch_1.bin", "short");
  expect_says(testing::error_of([&] { read_image(folder / "data_batch_1.bin#0"); }),
              "data_batch_1.bin: has 5 bytes");
  EXPECT_EQ(record_of("a/b.bin#0012")->number, 12);
  EXPECT_EQ(record_of("a#1/b.bin#2")->file, "a#1/b.bin");
  for (const char* name :
       {"a.bin", "a.bin#", "a.bin#-1", "a.bin#1x", "a.bin#99999999999999999999", "a#1", "a.jpg#1"})
    EXPECT_FALSE(record_of(name)) << name;
  // A '#' may also be part of a file's name.
  add_photo(folder, "odd#1.jpg");
  EXPECT_EQ(read_image(folder / "odd#1.jpg").width, photo(3).width);
}

TEST(Layouts, MitIndoor) {
  for (const std::string images : {"Images", "indoorCVPR_09/Images"}) {
    const TestFolder folder;
    for (const char* name : {"bar/1.jpg", "bar/2.jpg", "bar/3.jpg", "gym hall/1.jpg",
                             "gym hall/2.jpg", "gym hall/unlisted.jpg"})
      add_photo(folder, images + "/" + name);
    folder.write("TrainImages.txt",
                 "bar/1.jpg\r\nbar/2.jpg\r\ngym hall/1.jpg\r\nbar/1.jpg\r\n");  // one of them twice
    folder.write("TestImages.txt", "gym hall/2.jpg\nbar/3.jpg");
    const Manifest manifest = load_manifest(folder.path());
    EXPECT_EQ(manifest.classes, (std::vector<std::string>{"bar", "gym hall"}));
    EXPECT_EQ(counts(manifest), (std::map<std::string, int64_t>{{"test bar", 1},
                                                                {"test gym hall", 1},
                                                                {"train bar", 1},
                                                                {"train gym hall", 1},
                                                                {"val bar", 1}}));
    EXPECT_TRUE(listing(manifest).contains("test gym hall " + images + "/gym hall/2.jpg"));
    expect_all_decode(manifest);
  }
}

TEST(Layouts, MitIndoorErrors) {
  const TestFolder folder;
  const auto error = [&](const std::string& train, const std::string& test) {
    folder.write("TrainImages.txt", train);
    folder.write("TestImages.txt", test);
    return error_of(folder.path());
  };
  const std::string good = "bar/1.jpg\nbar/2.jpg\ngym/1.jpg\n";
  expect_says(error(good, ""), "no folder Images");
  for (const char* name : {"bar/1.jpg", "bar/2.jpg", "gym/1.jpg", "loose.jpg"})
    add_photo(folder, std::string("Images/") + name);
  expect_says(error(good + "\nbar/9.jpg\ngym/9.jpg\n", ""),
              "TrainImages.txt:5: there is no file 'Images/bar/9.jpg'");
  expect_says(error(good, "bar/2.jpg\n"),
              "TestImages.txt:1: 'bar/2.jpg' is also an image of the other split, at ");
  expect_says(error(good, "loose.jpg\n"),
              "TestImages.txt:1: 'loose.jpg' does not name a class's folder");
  expect_says(error(good, "../Images/bar/1.jpg\n"),
              "TestImages.txt:1: '../Images/bar/1.jpg' does not lie in the folder");
  expect_says(error(good, (folder / "Images/bar/1.jpg").string() + "\n"),
              "does not lie in the folder");
  fs::remove(folder / "TestImages.txt");
  expect_says(error_of(folder.path()), "TestImages.txt");
}

void write_cub(const TestFolder& folder) {
  for (const char* name :
       {"001.Gull/a.jpg", "001.Gull/b.jpg", "001.Gull/c.jpg", "002.Wren/a.jpg", "002.Wren/b.jpg"})
    add_photo(folder, std::string("images/") + name);
  folder.write(
      "images.txt",
      "1 001.Gull/a.jpg\n2 001.Gull/b.jpg\n3 001.Gull/c.jpg\n4 002.Wren/a.jpg\n5 002.Wren/b.jpg\n");
  folder.write("image_class_labels.txt", "1 1\n2 1\n3 1\n4 2\n5 2\n");
  folder.write("classes.txt", "1 001.Gull\n2 002.Wren\n");
  folder.write("train_test_split.txt", "1 1\n2 1\n3 0\n4 1\n5 0\n");
}

TEST(Layouts, Cub) {
  const TestFolder folder;
  write_cub(folder);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"001.Gull", "002.Wren"}));
  EXPECT_EQ(counts(manifest), (std::map<std::string, int64_t>{{"test 001.Gull", 1},
                                                              {"test 002.Wren", 1},
                                                              {"train 001.Gull", 1},
                                                              {"train 002.Wren", 1},
                                                              {"val 001.Gull", 1}}));
  EXPECT_TRUE(listing(manifest).contains("test 002.Wren images/002.Wren/b.jpg"));
  expect_all_decode(manifest);
}

TEST(Layouts, CubErrorsNameTheLine) {
  const TestFolder folder;
  const auto error = [&](const std::string& name, const std::string& text) {
    write_cub(folder);
    folder.write(name, text);
    return error_of(folder.path());
  };
  expect_says(error("image_class_labels.txt", "1 1\n2 1\n"),
              "images.txt:3: there is no number 3 in image_class_labels.txt");
  expect_says(error("image_class_labels.txt", "1 1\n2 1\n3 1\n4 7\n5 2\n"),
              "image_class_labels.txt:4: there is no number 7 in classes.txt");
  expect_says(error("image_class_labels.txt", "1 1\n2 one\n3 1\n4 2\n5 2\n"),
              "image_class_labels.txt:2: 'one' is not a whole number");
  expect_says(error("train_test_split.txt", "1 1\n2 1\n3 2\n4 1\n5 0\n"),
              "train_test_split.txt:3: '2' is neither 1 (train) nor 0 (test)");
  expect_says(error("train_test_split.txt", "1 1\n2 1\n2 0\n"),
              "train_test_split.txt:3: the number 2 was there before, at ");
  expect_says(error("classes.txt", "1 001.Gull\n2\n"),
              "classes.txt:2: '2' is not a number, a blank, and what it stands for");
  expect_says(error("images.txt", "1 001.Gull/a.jpg\n2 001.Gull/none.jpg\n3 none.jpg\n"),
              "images.txt:2: there is no file 'images/001.Gull/none.jpg'");
  write_cub(folder);
  fs::remove(folder / "classes.txt");
  expect_says(error_of(folder.path()), "classes.txt");
}

TEST(Layouts, DtdTakesItsFirstSplit) {
  const TestFolder folder;
  for (const char* name : {"banded/1.jpg", "banded/2.jpg", "banded/3.jpg", "woven/1.jpg",
                           "woven/2.jpg", "woven/3.jpg"})
    add_photo(folder, std::string("images/") + name);
  for (const char* name : {"train", "val", "test"})
    folder.write(std::string("labels/") + name + "2.txt", "none/none.jpg\n");
  folder.write("labels/train1.txt", "banded/1.jpg\nwoven/2.jpg\n");
  folder.write("labels/val1.txt", "banded/2.jpg\nwoven/1.jpg\n");
  folder.write("labels/test1.txt", "banded/3.jpg\nwoven/3.jpg\n");
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(
      listing(manifest),
      (std::set<std::string>{"train banded images/banded/1.jpg", "train woven images/woven/2.jpg",
                             "val banded images/banded/2.jpg", "val woven images/woven/1.jpg",
                             "test banded images/banded/3.jpg", "test woven images/woven/3.jpg"}));
  expect_all_decode(manifest);
  folder.write("labels/val1.txt", "banded/2.jpg\nwoven/9.jpg\n");
  expect_says(error_of(folder.path()), "val1.txt:2: there is no file 'images/woven/9.jpg'");
  fs::remove(folder / "labels/test1.txt");
  folder.write("labels/val1.txt", "banded/2.jpg\n");
  expect_says(error_of(folder.path()), "test1.txt");
}

TEST(Layouts, Caltech101LeavesTheBackgroundOut) {
  for (const std::string categories : {"101_ObjectCategories/", ""}) {
    const TestFolder folder;
    for (const std::string name : {"BACKGROUND_Google", "Faces", "Faces_easy"}) {
      for (int i = 0; i < 10; ++i)
        add_photo(folder, categories + name + "/image_" + std::to_string(i) + ".jpg");
    }
    const Manifest manifest = load_manifest(folder.path());
    EXPECT_EQ(manifest.classes, (std::vector<std::string>{"Faces", "Faces_easy"}));
    EXPECT_TRUE(manifest.carved);
    EXPECT_EQ(counts(manifest), (std::map<std::string, int64_t>{{"test Faces", 2},
                                                                {"test Faces_easy", 2},
                                                                {"train Faces", 7},
                                                                {"train Faces_easy", 7},
                                                                {"val Faces", 1},
                                                                {"val Faces_easy", 1}}));
    expect_all_decode(manifest);
  }
}

void write_flowers(const TestFolder& folder) {
  for (int i = 1; i <= 6; ++i) add_photo(folder, "jpg/image_0000" + std::to_string(i) + ".jpg");
  folder.write("imagelabels.csv", "image,label\n1,77\n2,77\n3,77\n4,daisy\n5,daisy\n6,daisy\n");
  folder.write("setid.csv", "image,split\n1,train\n4,train\n2,val\n5,valid\n3,test\n6,test\n");
}

TEST(Layouts, Flowers102) {
  const TestFolder folder;
  write_flowers(folder);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(
      listing(manifest),
      (std::set<std::string>{"train 77 jpg/image_00001.jpg", "train daisy jpg/image_00004.jpg",
                             "val 77 jpg/image_00002.jpg", "val daisy jpg/image_00005.jpg",
                             "test 77 jpg/image_00003.jpg", "test daisy jpg/image_00006.jpg"}));
  expect_all_decode(manifest);
}

TEST(Layouts, Flowers102Errors) {
  const TestFolder folder;
  const auto error = [&](const std::string& name, const std::string& text) {
    write_flowers(folder);
    folder.write(name, text);
    return error_of(folder.path());
  };
  expect_says(error("setid.csv", "image,split\n1,train\n9,test\n"),
              "setid.csv:3: the image 9 has no label in imagelabels.csv");
  expect_says(error("setid.csv", "image,split\n1,train\n2,trnid\n"),
              "setid.csv:3: 'trnid' is not a split");
  expect_says(error("setid.csv", "image,split\n1,train\n1,test\n"),
              "setid.csv:3: the image 1 was there before");
  expect_says(error("setid.csv", "1,train\n"), "setid.csv:1: the header is not `image,split`");
  expect_says(error("imagelabels.csv", "image,label\nimage_00001.jpg,1\n"),
              "imagelabels.csv:2: 'image_00001.jpg' is not a whole number");
  expect_says(error("imagelabels.csv", "image,label\n1,1,1\n"),
              "imagelabels.csv:2: is not an image's number and its label");
  write_flowers(folder);
  fs::remove(folder / "jpg/image_00003.jpg");
  expect_says(error_of(folder.path()), "setid.csv:6: there is no file 'jpg/image_00003.jpg'");
  for (const char* name : {"setid", "imagelabels"}) {
    fs::remove(folder / (std::string(name) + ".csv"));
    folder.write(std::string(name) + ".mat", "MATLAB");
  }
  expect_says(error_of(folder.path()), "from the .mat files");
}

}  // namespace
}  // namespace retort::data
