#include "retort/run/distill.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/models/registry.h"
#include "retort/run/evaluate_run.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/pictures.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

class DistillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* split : {"train", "val", "test"}) testing::write_pictures(folder_ / "data", split, 3, 6);
    models::ModelPtr model = models::make_model({"resnet18", 5});
    StateDict state = models::state_of(*model);
    testing::formula_fill(state);
    write_safetensors(folder_ / "teacher.safetensors", state);
    config_.data = (folder_ / "data").string();
    config_.teacher = (folder_ / "teacher.safetensors").string();
    config_.student = "resnet18";
    config_.out = (folder_ / "run").string();
    config_.cache = (folder_ / "cache").string();
    config_.teacher_size = config_.image_size = 32;
    config_.epochs = 2;
    config_.batch_size = 8;
    config_.views = 2;
    config_.precision = "fp32";
  }
  nlohmann::json distill_now(const DistillOptions& options = {}) { return distill(config_, options, null_log(), never_stop()); }

  testing::TestFolder folder_;
  RunConfig config_;
};

TEST_F(DistillTest, MakesARunFolderThatTheOtherCommandsRead) {
  const nlohmann::json summary = distill_now();
  const RunFolder run{config_.out};
  for (const fs::path& file :
       {run.config(), run.metrics(), run.summary(), run.checkpoint(), run.student(), run.onnx(), run.report(), run.log()})
    EXPECT_TRUE(fs::exists(file)) << file;
  EXPECT_TRUE(summary["teacher"]["test_accuracy"].is_number());
  EXPECT_TRUE(summary["student"]["val_accuracy"].is_number());
  EXPECT_EQ(summary["student"]["parameters"], 11178051);  // torchvision's resnet18 with three classes
  EXPECT_EQ(summary["epochs"], 2);
  EXPECT_TRUE(summary["skipped_files"].empty());
  EXPECT_GT(summary["images_per_second"], 0);
  EXPECT_EQ(read_json_lines(run.metrics()).size(), 2U);

  const Evaluation evaluation = evaluate_run(config_.out, "", config_.cache, null_log(), never_stop());
  EXPECT_EQ(evaluation.predictions.size(), 18U);
  EXPECT_DOUBLE_EQ(evaluation.metrics.accuracy, summary["student"]["test_accuracy"].get<double>());
  const std::vector<std::string> files = {(folder_ / "data/test/class 0/0.jpg").string(), (folder_ / "nothing.jpg").string()};
  const std::vector<FilePrediction> predictions = predict_files(config_.out, files, 2);
  EXPECT_EQ(predictions[0].top[0].first, evaluation.classes[static_cast<size_t>(evaluation.predictions[0].predicted)]);
  EXPECT_NEAR(predictions[0].top[0].second, evaluation.predictions[0].probability, 1e-4);
  EXPECT_FALSE(predictions[1].error.empty());
  EXPECT_EQ(write_report(config_.out, {config_.out}).size(), 3U);
}

TEST_F(DistillTest, FromScratchNeedsNoTeacher) {
  config_.teacher = "none";
  const nlohmann::json summary = distill_now();
  EXPECT_TRUE(summary["teacher"].is_null());
  EXPECT_EQ(write_report(config_.out, {}).size(), 1U);
}

TEST_F(DistillTest, TheSameConfigGivesTheSameWeights) {
  distill_now();
  const std::string first = read_file(RunFolder{config_.out}.student());
  distill_now();
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), first);
}

TEST_F(DistillTest, ARunIsNotLostByASlip) {
  distill_now();
  fs::remove(RunFolder{config_.out}.summary());
  EXPECT_THROW(distill_now(), Error);  // unfinished, as far as anyone can tell
  EXPECT_NO_THROW(distill_now({.resume = true}));
  config_.lr = 0.5;
  EXPECT_THROW(distill_now(), Error);
  EXPECT_THROW(distill_now({.resume = true}), Error);
  EXPECT_NO_THROW(distill_now({.force = true}));
}

TEST_F(DistillTest, FilesThatDoNotDecodeAreNamed) {
  write_file_atomic(folder_ / "data/train/class 1/broken.jpg", "not a picture");
  config_.max_skipped = 0.5;
  const nlohmann::json summary = distill_now();
  ASSERT_EQ(summary["skipped_files"].size(), 1U);
  EXPECT_NE(summary["skipped_files"][0]["path"].get<std::string>().find("broken.jpg"), std::string::npos);
  config_.max_skipped = 0;
  EXPECT_THROW(distill_now({.force = true}), Error);
}

TEST_F(DistillTest, AnUnknownClassElsewhereIsAnError) {
  distill_now();
  testing::write_pictures(folder_ / "other", "test", 4, 2);
  testing::write_pictures(folder_ / "other", "train", 4, 2);
  EXPECT_THROW(evaluate_run(config_.out, (folder_ / "other").string(), config_.cache, null_log(), never_stop()), Error);
}

}  // namespace
}  // namespace retort::run
