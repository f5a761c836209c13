#include "retort/run/evaluate_run.h"

#include <set>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/predict_run.h"
#include "tests/run/small_job.h"
#include "tests/support/keeping_log.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

// A run on classes in one folder, from which splits are carved.
class EvaluateRunTest : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    config_.data = (folder_ / "data/train").string();
    config_.teacher = {"none"};
    config_.epochs = 1;
    config_.max_skipped = 0.06;
  }
  void train() { distill(config_, {}, null_log(), never_stop()); }
  Evaluation evaluate(const std::string& data, const EvaluationOptions& options = {}) {
    log_.text.clear();
    return evaluate_run(config_.out, data, config_.cache, log_, never_stop(), options);
  }
  void copy(const std::string& from, const std::string& to) {
    fs::create_directories((folder_ / to).parent_path());
    fs::copy(folder_ / from, folder_ / to, fs::copy_options::recursive);
  }
  testing::KeepingLog log_;
};

TEST_F(EvaluateRunTest, TheRunsOwnImagesAreToldApart) {
  train();
  for (const std::string& data : {std::string(), config_.data, config_.data + "/../train"}) {
    const Evaluation evaluation = evaluate(data);
    EXPECT_EQ(evaluation.split, "test");
    EXPECT_EQ(evaluation.predictions.size(), 3U);  // one of six of each class
    EXPECT_TRUE(testing::says(
        log_.text,
        "12 were trained on, 3 chose the epoch, and 3 are for testing; evaluated: test"));
    EXPECT_FALSE(testing::mentions(log_.text, "warning"));
  }
  EXPECT_EQ(evaluate("", {.split = EvaluatedSplit::all, .max_skipped = {}}).predictions.size(),
            18U);
  EXPECT_TRUE(
      testing::says(log_.text, "warning: 12 of the 18 images that are evaluated were trained on"));
  EXPECT_EQ(
      evaluate("", {.split = EvaluatedSplit::validation, .max_skipped = {}}).predictions.size(),
      3U);
  EXPECT_EQ(evaluate("", {.split = EvaluatedSplit::train, .max_skipped = {}}).predictions.size(),
            12U);
  EXPECT_TRUE(testing::says(
      testing::error_of<UsageError>([] { choice_from<EvaluatedSplit>("tset", "--split"); }),
      "one of: test, validation, train, all"));
  // Some of the run's images, under another path.
  fs::create_directories(folder_ / "some");
  fs::create_directory_symlink(folder_ / "data/train/class 1", folder_ / "some/class 1");
  EXPECT_EQ(evaluate((folder_ / "some").string()).split, "all");
  EXPECT_TRUE(
      testing::says(log_.text, "warning: 4 of the 6 images that are evaluated were trained on"));
}

// Carving these images would make another test set.
TEST_F(EvaluateRunTest, ImagesThatWereTrainedOnAreNotForTesting) {
  train();
  const auto files = [](const Evaluation& evaluation) {
    std::set<std::string> contents;
    for (const data::Prediction& one : evaluation.predictions)
      contents.insert(read_file(evaluation.root / one.path));
    return contents;
  };
  const std::set<std::string> tested = files(evaluate(""));
  ASSERT_EQ(tested.size(), 3U);
  const fs::path root = folder_ / "data/train";
  int64_t number = 0;
  for (const char* name : {"class 0", "class 1", "class 2"})
    for (int i = 0; i < 6; ++i, ++number)
      fs::rename(root / name / (std::to_string(i) + ".jpg"),
                 root / name / (std::to_string(number * 7 % 18) + "-new.jpg"));
  EXPECT_EQ(files(evaluate("")), tested);
  EXPECT_TRUE(testing::says(log_.text,
                            "warning: the images are not those that the run was made "
                            "of: 0 of 18 are others"));
  for (int i = 0; i < 3; ++i)
    fs::copy_file(folder_ / "data/val/class 1" / (std::to_string(i) + ".jpg"),
                  root / "class 1" / ("more " + std::to_string(i) + ".jpg"));
  EXPECT_EQ(files(evaluate("")), tested);
  EXPECT_TRUE(testing::says(log_.text, "3 of 21 are others, and left out"));
  EXPECT_EQ(evaluate("", {.split = EvaluatedSplit::all, .max_skipped = {}}).predictions.size(),
            21U);
  copy("data/train", "copied");
  evaluate((folder_ / "copied").string());
  EXPECT_TRUE(testing::says(log_.text, "12 of the 21 images that are evaluated were trained on"));
  fs::remove(RunFolder{config_.out}.images());
  evaluate((folder_ / "copied").string());
  EXPECT_TRUE(testing::says(log_.text, "images.safetensors is missing or damaged"));
  fs::remove_all(root);
  EXPECT_TRUE(testing::says(testing::error_of([&] { evaluate(""); }), "name others with --data"));
}

TEST_F(EvaluateRunTest, CopiesOfTestImagesInTrainingAreTold) {
  for (int i = 0; i < 6; ++i)
    fs::copy_file(folder_ / "data/train/class 0" / (std::to_string(i) + ".jpg"),
                  folder_ / "data/train/class 0" / ("twin " + std::to_string(i) + ".jpg"));
  train();
  const Evaluation before = evaluate("");
  config_.out = (folder_ / "deduped").string();
  config_.dedupe = true;
  const RunSummary summary = distill(config_, {}, null_log(), never_stop());
  EXPECT_EQ(evaluate("").predictions.size(), before.predictions.size());
  EXPECT_FALSE(testing::mentions(log_.text, "are evaluated were trained on"));
  EXPECT_EQ(
      static_cast<int64_t>(
          evaluate("", {.split = EvaluatedSplit::train, .max_skipped = {}}).predictions.size()),
      summary.data.train);
}

TEST_F(EvaluateRunTest, WhatPeopleHaveWillDo) {
  train();
  copy("data/test/class 1", "one/Class 1");
  EXPECT_EQ(evaluate((folder_ / "one").string()).predictions.size(), 6U);
  EXPECT_EQ(evaluate((folder_ / "one/Class 1").string()).predictions.size(), 6U);
  copy("data/test", "only/test");
  EXPECT_EQ(evaluate((folder_ / "only").string()).split, "test");
  copy("data/val", "unseen/val");
  EXPECT_EQ(evaluate((folder_ / "unseen").string()).split, "validation");
  for (const char* name : {"class 0", "class 1", "class 2"})
    copy("data/test/" + std::string(name) + "/0.jpg", "few/" + std::string(name) + "/0.jpg");
  const Evaluation few = evaluate((folder_ / "few").string());
  EXPECT_EQ(few.split, "all");
  EXPECT_EQ(few.predictions.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(few.predictions[i].label, static_cast<int64_t>(i));
  copy("data/test/class 1", "other/owl");
  const std::string message = testing::error_of([&] { evaluate((folder_ / "other").string()); });
  EXPECT_TRUE(testing::says(message, "has a class 'owl' that the student does not know"));
}

TEST_F(EvaluateRunTest, FailuresAreAShareOfAllSplits) {
  // The image with the highest rank goes to the test split; one of three is far more than 6 %, but
  // one of 18 is not.
  std::string tested;
  train();
  tested = evaluate("").predictions[0].path;
  testing::put(folder_ / "data/train" / tested, "not a picture");
  config_.out = (folder_ / "second").string();
  train();
  EXPECT_EQ(evaluate("").skipped.size(), 1U);
  EXPECT_EQ(evaluate("").predictions.size(), 2U);
  config_.out = (folder_ / "third").string();
  config_.max_skipped = 0.05;
  EXPECT_TRUE(testing::says(testing::error_of([&] { train(); }), "1 of 18 images do not decode"));
}

TEST_F(EvaluateRunTest, NamesThatAreNotUtf8GoAllTheWay) {
  const std::string latin = "caf\xe9.jpg";
  for (const char* name : {"class 0", "class 1", "class 2"})
    for (int i = 0; i < 6; ++i) {
      const fs::path folder = folder_ / "data/train" / name;
      fs::rename(folder / (std::to_string(i) + ".jpg"), folder / (std::to_string(i) + latin));
    }
  train();
  const Evaluation read = read_evaluation(RunFolder{config_.out}.predictions());
  ASSERT_EQ(read.predictions.size(), 3U);
  for (const data::Prediction& prediction : read.predictions)
    EXPECT_TRUE(fs::exists(read.root / prediction.path)) << prediction.path;
  EXPECT_NE(read_file(RunFolder{config_.out}.report()).find("data:image/jpeg"), std::string::npos);
  EXPECT_EQ(data::to_csv(read.predictions, read.classes).find('\xe9'), std::string::npos);
}

TEST_F(EvaluateRunTest, ARunMayLieAmongItsImages) {
  config_.out = (folder_ / "data/train/runs/first").string();
  train();
  EXPECT_EQ(evaluate("").predictions.size(), 3U);
  config_.out = config_.data;
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { train(); }),
                            "is the folder of the images"));
  EXPECT_FALSE(fs::exists(folder_ / "data/train/config.toml"));
  config_.out = (folder_ / "data/train/class 1").string();
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { train(); }), "holds pictures"));
}

TEST_F(EvaluateRunTest, PicturesOfFolders) {
  testing::put(folder_ / "data/test/class 0/a.heic", "x");
  testing::put(folder_ / "data/test/class 0/._0.jpg", "x");
  const std::vector<std::string> files =
      pictures_of({(folder_ / "data/test").string(), "gone.jpg"}, log_);
  EXPECT_EQ(files.size(), 19U);
  EXPECT_EQ(files.back(), "gone.jpg");
  EXPECT_TRUE(testing::says(log_.text, "'._*' (1)"));
  EXPECT_TRUE(testing::says(log_.text, "1 picture of kinds that are not read"));
  fs::create_directories(folder_ / "empty");
  EXPECT_TRUE(
      testing::says(testing::error_of([&] { pictures_of({(folder_ / "empty").string()}, log_); }),
                    "holds no pictures"));
}

TEST_F(EvaluateRunTest, TheLogIsNotForged) {
  testing::KeepingLog next;
  {
    FileLog log(folder_ / "log.txt", next, false);
    log.warn(
        "left out: a\n2026-01-01T00:00:00Z all good\x1b[31m\u202e.png: is empty\n  to mend it: "
        "look");
  }
  const std::string text = read_file(folder_ / "log.txt");
  EXPECT_TRUE(testing::says(
      text,
      "a\n  2026-01-01T00:00:00Z all good\\x1b[31m\\u202e.png: is empty\n  to mend it: look\n"));
}

}  // namespace
}  // namespace retort::run
