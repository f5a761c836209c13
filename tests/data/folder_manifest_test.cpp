#include "retort/data/folder_manifest.h"

#include <gtest/gtest.h>

#include <map>

#include "retort/core/error.h"
#include "retort/data/split_name.h"
#include "tests/data/folder.h"
#include "tests/data/manifest_errors.h"

namespace retort::data {
namespace {

namespace fs = std::filesystem;
using testing::mentions;
using testing::TestFolder;
using Counts = std::map<std::string, int64_t>;

void fill_folders(const TestFolder& folder, const std::vector<std::string>& names, int count = 3) {
  for (const std::string& name : names)
    for (int i = 0; i < count; ++i) folder.write(name + "/" + std::to_string(i) + ".jpg");
}

// The number of images by split and class, such as "train cat".
Counts split_counts(const Manifest& manifest) {
  Counts all;
  for (const Item& item : manifest.items)
    ++all[to_string(item.split) + " " + manifest.classes[static_cast<size_t>(item.label)]];
  return all;
}

std::string notes(const Manifest& manifest, bool warnings_only = false) {
  std::string text;
  for (const Note& note : manifest.notes)
    if (note.warning || !warnings_only) text += note.text + "\n";
  return text;
}

// The given splits: validation, which is always carved, counts as training.
Counts given(const Manifest& manifest) {
  Counts all;
  for (const auto& [name, count] : split_counts(manifest))
    all[name.starts_with("val ") ? "train " + name.substr(4) : name] += count;
  return all;
}

using Classes = std::vector<std::string>;

TEST(SplitName, SaysASplitInManyWords) {
  for (const char* name :
       {"train", "Train", "TRAINING", "train_set", "Training-Images", "trainset", "train data",
        " train ", "trainval", "trn", "tr", "TrainImages", "trainVal"})
    EXPECT_EQ(split_from(name), Split::train) << name;
  for (const char* name : {"val", "valid", "Validation", "dev", "val_set", "validation_data", "va"})
    EXPECT_EQ(split_from(name), Split::val) << name;
  for (const char* name : {"test", "Testing", "TEST", "test_images", "testset", "holdout", "tst",
                           "te", "TS", "testSet"})
    EXPECT_EQ(split_from(name), Split::test) << name;
  for (const char* name : {"", "trains", "steam train", "latest", "contest", "set", "images",
                           "train_test", "train1", "caf\xe9", "trainA", "tr en", "LaTest"})
    EXPECT_EQ(split_from(name), std::nullopt) << name;
  EXPECT_EQ(split_name("seg_train")->pattern, "seg *");
  EXPECT_EQ(split_name("train2017")->pattern, split_name("Val2017")->pattern);
}

TEST(FolderManifest, SplitsByTheirUsualNames) {
  const std::vector<std::vector<std::string>> spellings = {
      {"Training", "Testing"},   {"TRAIN", "TEST"},
      {"train_set", "test_set"}, {"Training Images", "Test Images"},
      {"seg_train", "seg_test"}, {"asl_alphabet_train", "asl_alphabet_test"},
      {"train2017", "test2017"}};
  for (const auto& names : spellings) {
    const TestFolder folder;
    fill_folders(folder,
                 {names[0] + "/cat", names[0] + "/dog", names[1] + "/cat", names[1] + "/dog"});
    const Manifest manifest = load_manifest(folder.path());
    EXPECT_EQ(given(manifest),
              (Counts{{"train cat", 3}, {"train dog", 3}, {"test cat", 3}, {"test dog", 3}}))
        << names[0];
    EXPECT_TRUE(mentions(notes(manifest), "'" + names[0] + "' as train")) << notes(manifest);
  }
}

TEST(FolderManifest, MixedSpellingsAndWhatIsLeftOut) {
  const TestFolder folder;
  fill_folders(folder, {"train/a", "train/b", "Test/a", "Test/b", "dev/a", "dev/b"});
  EXPECT_EQ(notes(load_manifest(folder.path())), "splits: 'dev' as val, 'Test' as test\n");
  fill_folders(folder, {"unlabelled"}, 5);
  folder.write("annotations/a.xml");
  folder.write("loose.jpg");
  folder.write("train/loose.png");
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(split_counts(manifest), (Counts{{"train a", 3},
                                            {"train b", 3},
                                            {"val a", 3},
                                            {"val b", 3},
                                            {"test a", 3},
                                            {"test b", 3}}));
  for (const char* part : {"left out: 5 images in 'unlabelled'",
                           "left out: 1 image that lie in no class folder, but in 'train'",
                           "left out: 1 image that lie in no class folder, but beside them"})
    EXPECT_TRUE(mentions(notes(manifest, true), part)) << part << "\n" << notes(manifest);
  EXPECT_FALSE(mentions(notes(manifest), "annotations"));
}

TEST(FolderManifest, PlainSplitsAreNoGuess) {
  const TestFolder folder;
  fill_folders(folder, {"train/a", "train/b", "val/a", "val/b", "test/a", "test/b"});
  EXPECT_EQ(notes(load_manifest(folder.path())), "");
}

TEST(FolderManifest, AClassCalledTrainKeepsItsNeighbours) {
  const TestFolder folder;
  fill_folders(folder, {"train", "plane", "car", "train/steam"});
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.classes, (Classes{"car", "plane", "train"}));
  EXPECT_EQ(manifest.items.size(), 12U);
  EXPECT_TRUE(mentions(notes(manifest), "'train' is read as a class")) << notes(manifest);
}

TEST(FolderManifest, WhatStaysAmbiguousIsRefused) {
  const TestFolder folder;
  fill_folders(folder, {"train/a", "train/b", "plane", "car"});
  const std::string message = error_of(folder.path());
  expect_says(
      message,
      "'train' is called like a split, but 'car', 'plane' beside it could be other classes");
  expect_says(message, "if it is a class, rename it");
  const TestFolder test;
  fill_folders(test, {"cat", "dog", "test/cat", "test/dog"});
  expect_says(error_of(test.path()), "'test' is called like a split");
  const TestFolder twins;
  fill_folders(twins, {"Train/a", "Train/b", "train/a", "train/b"});
  expect_says(error_of(twins.path()), "both 'Train' and 'train'");
  const TestFolder sets;
  fill_folders(sets, {"train_a/x", "train_a/y", "test_a/x", "train_b/x", "test_b/x"});
  expect_says(error_of(sets.path()), "splits of two data sets");
}

TEST(FolderManifest, ImagesWithoutClassFolders) {
  const TestFolder folder;
  fill_folders(folder, {"train", "test"});
  expect_says(error_of(folder.path()), "'train' holds 3 images, but no class folders");
  const TestFolder flat;
  fill_folders(flat, {"."});
  expect_says(error_of(flat.path()), "holds 3 images, but no class folders");
  flat.write("labels.csv");
  expect_says(error_of(flat.path()), "or give --data the list " + (flat / "labels.csv").string());
  const TestFolder test;
  fill_folders(test, {"test/a", "test/b"});
  expect_says(error_of(test.path()), "no folder of training images");
}

TEST(FolderManifest, WrappersAreEntered) {
  for (const std::string wrapper : {"Images", "archive/dataset/dataset"}) {
    const TestFolder folder;
    fill_folders(folder, {wrapper + "/cat", wrapper + "/dog"});
    folder.write("readme.txt");
    folder.write("annotations/cat/1.xml");
    const Manifest manifest = load_manifest(folder.path());
    EXPECT_EQ(manifest.classes, (Classes{"cat", "dog"}));
    EXPECT_EQ(manifest.root, folder / wrapper);
    EXPECT_TRUE(mentions(notes(manifest), "reads '" + wrapper + "'")) << notes(manifest);
    for (size_t i = 0; i < manifest.items.size(); ++i)
      EXPECT_TRUE(fs::exists(manifest.file(static_cast<int64_t>(i))));
  }
}

TEST(FolderManifest, WrappersInsideSplitsAreEntered) {
  const TestFolder folder;
  fill_folders(folder, {"training_set/training_set/cats", "training_set/training_set/dogs",
                        "test_set/test_set/cats", "test_set/test_set/dogs"});
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(given(manifest),
            (Counts{{"train cats", 3}, {"train dogs", 3}, {"test cats", 3}, {"test dogs", 3}}));
  EXPECT_TRUE(mentions(notes(manifest), "reads 'test_set/test_set'")) << notes(manifest);
  // A test folder with a single class that has subfolders is not a test split.
  const TestFolder one;
  fill_folders(one, {"train/cat", "train/dog", "test/cat/2020", "test/cat/2021"});
  EXPECT_EQ(given(load_manifest(one.path())),
            (Counts{{"train cat", 3}, {"train dog", 3}, {"test cat", 6}}));
}

TEST(FolderManifest, SplitsInsideClasses) {
  const TestFolder folder;
  fill_folders(folder, {"cat/Train", "cat/Test", "dog/Train", "dog/Test"});
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(given(manifest),
            (Counts{{"train cat", 3}, {"train dog", 3}, {"test cat", 3}, {"test dog", 3}}));
  EXPECT_TRUE(mentions(notes(manifest), "each class's own folders")) << notes(manifest);
  fill_folders(folder, {"owl"});
  const Manifest mixed = load_manifest(folder.path());
  EXPECT_EQ(mixed.items.size(), 15U);
  EXPECT_TRUE(mentions(notes(mixed, true), "folders in 'cat', 'dog' are called like splits"))
      << notes(mixed);
}

TEST(FolderManifest, LeftoversOfSystemsAreCounted) {
  const TestFolder folder;
  fill_folders(folder, {"cat", "dog"});
  fill_folders(folder,
               {"cat/@eaDir/0.jpg", "__MACOSX/cat", "lost+found", "$RECYCLE.BIN",
                "System Volume Information", "#recycle"},
               2);
  for (const char* name : {".DS_Store", "cat/Thumbs.db", "cat/._0.jpg", "cat/desktop.ini",
                           "dog/.ipynb_checkpoints/0-checkpoint.jpg", "dog/.x.jpg"})
    folder.write(name);
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.items.size(), 6U);
  EXPECT_EQ(manifest.classes, (Classes{"cat", "dog"}));
  for (const char* part :
       {"'@eaDir' (2)", "'__MACOSX' (2)", "'lost+found' (2)", "'$RECYCLE.BIN' (2)",
        "'System Volume Information' (2)", "'#recycle' (2)", "'.DS_Store' (1)", "'Thumbs.db' (1)",
        "'._*' (1)", "'desktop.ini' (1)", "'.ipynb_checkpoints' (1)", "hidden (1)"})
    EXPECT_TRUE(mentions(notes(manifest), part)) << part << "\n" << notes(manifest);
  EXPECT_EQ(notes(manifest, true), "");
}

TEST(FolderManifest, RunsAmongTheImagesAreNoClasses) {
  const TestFolder folder;
  fill_folders(folder, {"cat", "dog"});
  folder.write("runs/first/config.toml");
  folder.write("runs/first/log.txt");
  folder.write("runs/first/checkpoints/last.safetensors");
  folder.write("cache/images/0123/shard-00000.safetensors");
  EXPECT_EQ(load_manifest(folder.path()).classes, (Classes{"cat", "dog"}));
  fs::create_directories(folder / "new/seed-0");
  expect_says(error_of(folder.path()), "holds no images");
  ManifestOptions options;
  options.own = {folder / "new/seed-0"};
  const Manifest manifest = load_manifest(folder.path(), options);
  EXPECT_EQ(manifest.classes, (Classes{"cat", "dog"}));
  EXPECT_TRUE(mentions(notes(manifest), "retort's own (3)")) << notes(manifest);
}

TEST(FolderManifest, TwoUnicodeFormsOfAClassAreOne) {
  const std::string one = "caf\u00e9", two = "cafe\u0301";
  const TestFolder folder;
  fill_folders(folder, {one, two, "dog"});
  const Manifest manifest = load_manifest(folder.path());
  EXPECT_EQ(manifest.classes, (Classes{one, "dog"}));
  EXPECT_TRUE(mentions(notes(manifest, true),
                       "'caf\u00e9' is written in 2 Unicode forms, of 3 and 3 images"))
      << notes(manifest);
  const TestFolder across;
  fill_folders(across, {"train/" + one, "train/dog", "test/" + two, "test/Dog "});
  const Manifest matched = load_manifest(across.path());
  EXPECT_EQ(given(matched),
            (Counts{{"train " + one, 3}, {"train dog", 3}, {"test " + one, 3}, {"test dog", 3}}));
  EXPECT_TRUE(mentions(notes(matched, true), "3 images of 'Dog ' are read as of the class 'dog'"))
      << notes(matched);
}

TEST(FolderManifest, NamesThatCannotStandInAModelAreRefused) {
  for (const std::string name : {"\xe4pfel", "a\nb", "a\x1b[31m", "\xe2\x80\x8b"}) {
    const TestFolder folder;
    fill_folders(folder, {"cat", name});
    const std::string message = error_of(folder.path());
    expect_says(message, "the class's name '");
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
  }
  const TestFolder files;
  fill_folders(files, {"cat", "dog"});
  files.write("cat/caf\xe9.jpg");
  files.write("cat/a\nb.jpg");
  EXPECT_EQ(load_manifest(files.path()).items.size(), 8U);
}

TEST(FolderManifest, ToJudgeAStudentOneClassWillDo) {
  ManifestOptions options;
  options.known = {"cat", "dog", "train"};
  const auto judged = [&](const std::vector<std::string>& names, int count = 2) {
    const TestFolder folder;
    fill_folders(folder, names, count);
    return split_counts(load_manifest(folder.path(), options));
  };
  EXPECT_EQ(judged({"dog"}), (Counts{{"test dog", 2}}));
  EXPECT_EQ(judged({"dog/2020", "dog/2021"}), (Counts{{"test dog", 4}}));
  EXPECT_EQ(judged({"pictures/dog/2020"}), (Counts{{"test dog", 2}}));
  EXPECT_EQ(judged({"Cat", "dog"}, 1), (Counts{{"test cat", 1}, {"test dog", 1}}));
  EXPECT_EQ(judged({"test/cat", "test/dog"}), (Counts{{"test cat", 2}, {"test dog", 2}}));
  EXPECT_EQ(judged({"val/cat"}), (Counts{{"val cat", 2}}));
  EXPECT_EQ(judged({"train/steam", "cat"}), (Counts{{"test train", 2}, {"test cat", 2}}));
  EXPECT_EQ(judged({"train/cat", "train/train", "test/cat", "test/train"}),
            (Counts{{"train cat", 2}, {"train train", 2}, {"test cat", 2}, {"test train", 2}}));
  EXPECT_EQ(judged({"owl"}), (Counts{{"test owl", 2}}));  // evaluate_run refuses it
  const TestFolder folder;
  fill_folders(folder, {"Dog"}, 2);
  for (const char* path : {"Dog", "Dog/", "Dog/."})
    EXPECT_EQ(split_counts(load_manifest(folder / path, options)), (Counts{{"test dog", 2}}));
  fill_folders(folder, {"photos"}, 2);
  EXPECT_TRUE(testing::says(testing::error_of([&] { load_manifest(folder / "photos", options); }),
                            "no class folders"));
}

TEST(FolderManifest, TrainFolderOfAPile) {
  const TestFolder folder;
  fill_folders(folder, {"Training/a", "Testing/a"});
  EXPECT_EQ(train_folder_in(folder.path()), "Training");
  const TestFolder classes;
  fill_folders(classes, {"train", "plane"});
  EXPECT_EQ(train_folder_in(classes.path()), std::nullopt);
  fill_folders(classes, {"test"});
  EXPECT_EQ(train_folder_in(classes.path()), "train");
}

TEST(FolderManifest, ShortNamesOfSplits) {
  for (const auto& [train, test] :
       std::vector<std::pair<std::string, std::string>>{{"trn", "tst"}, {"tr", "te"}}) {
    const TestFolder folder;
    fill_folders(folder, {train + "/cat", train + "/dog", test + "/cat", test + "/dog"});
    const Manifest manifest = load_folder(folder.path(), {});
    EXPECT_EQ(manifest.classes, (Classes{"cat", "dog"}));
    EXPECT_EQ(given(manifest),
              (Counts{{"train cat", 3}, {"train dog", 3}, {"test cat", 3}, {"test dog", 3}}));
    EXPECT_TRUE(mentions(notes(manifest), "'" + test + "' as test"));
  }
}

TEST(FolderManifest, LanguagesAreNoSplits) {
  const TestFolder folder;
  fill_folders(folder, {"en", "te", "tr"}, 6);
  EXPECT_EQ(load_folder(folder.path(), {}).classes, (Classes{"en", "te", "tr"}));
  EXPECT_EQ(train_folder_in(folder.path()), std::nullopt);
}

TEST(FolderManifest, SplitsOfTwoDomainsAreRefused) {
  const TestFolder folder;
  fill_folders(folder, {"trainA", "trainB", "testA", "testB"});
  const std::string message = error_of(folder.path());
  expect_says(message, "are called like splits of two data sets");
  expect_says(message, "trainA/ and testA/ of two classes become train/A/ and test/A/");
}

TEST(FolderManifest, ClassesThatHoldTheSameFoldersAreWarnedOf) {
  const TestFolder folder;
  fill_folders(folder, {"lehre/cat", "lehre/dog", "probe/cat", "probe/dog", "probe/owl"});
  EXPECT_TRUE(mentions(notes(load_folder(folder.path(), {}), true),
                       "the classes 'lehre', 'probe' all hold the folders 'cat', 'dog'"));
  fs::remove_all(folder / "probe/dog");
  EXPECT_FALSE(mentions(notes(load_folder(folder.path(), {}), true), "all hold the folders"));
}

}  // namespace
}  // namespace retort::data
