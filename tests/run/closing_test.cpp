#include "retort/run/closing.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

class ClosingTest : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    testing::write_pictures(folder_ / "pile", "train", 3, 6);
    config_.extra = {(folder_ / "pile").string() + ":1"};
    config_.closing_epochs = 3;
  }
  std::string student() const { return read_file(RunFolder{config_.out}.student()); }
};

TEST_F(ClosingTest, TheLastEpochsAreOfTheLabelledImagesAlone) {
  config_.tensorboard = true;
  const nlohmann::json summary = distill_now({.forecast = true});
  const nlohmann::json lines = read_epochs(RunFolder{config_.out}.metrics());
  ASSERT_EQ(lines.size(), 5U);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["epoch"], i + 1);
    EXPECT_EQ(lines[i].contains("phase"), i >= 2) << i;
    EXPECT_EQ(lines[i]["terms"].size(), i < 2 ? 3U : 1U) << "cross-entropy alone closes";
  }
  EXPECT_LT(lines[4]["lr"], 1e-4);  // the peak is a tenth of distillation's
  EXPECT_EQ(summary["epochs"], 2);
  EXPECT_EQ(summary["closing"]["epochs"], 3);
  EXPECT_EQ(summary["image_steps"], 2 * 36 + 3 * 18);
  EXPECT_EQ(summary["forecast"]["image_steps"], 2 * 36 + 3 * 18);
  const std::string board =
      read_file(*std::filesystem::directory_iterator(RunFolder{config_.out}.tensorboard()));
  // The events' step numbers, as bytes: image-steps after an epoch of each phase and at the end.
  for (const char steps : {36, 2 * 36 + 18, 2 * 36 + 3 * 18})
    EXPECT_TRUE(testing::says(board, {'\x10', steps, '\x2A'})) << int{steps};
  EXPECT_TRUE(testing::says(read_file(RunFolder{config_.out}.report()),
                            "From epoch 3 on: the closing phase, labels alone."));
  const RunSummary read = summary_of(config_.out);
  ASSERT_TRUE(read.closing);
  EXPECT_EQ(to_json(read), summary);
}

// Raises the flag once an epoch of this number is reported.
struct StopAfterEpoch : Log {
  explicit StopAfterEpoch(int64_t number) : due("epoch   " + std::to_string(number) + ":") {}
  void info(const std::string& message) override {
    stop = stop || message.find(due) != std::string::npos;
  }
  void warn(const std::string&) override {}
  void progress(const Progress&) override {}
  std::string due;
  StopFlag stop{false};
};

TEST_F(ClosingTest, AStoppedOneEndsWithTheSameBytes) {
  distill_now();
  const std::string whole = student();
  for (const int64_t epoch : {2, 3, 4}) {
    config_.out = (folder_ / ("cut " + std::to_string(epoch))).string();
    StopAfterEpoch log(epoch);
    EXPECT_THROW(distill(config_, {}, log, log.stop), Interrupted);
    distill_now({.resume = true});
    EXPECT_TRUE(student() == whole) << "stopped after epoch " << epoch;
    EXPECT_EQ(read_epochs(RunFolder{config_.out}.metrics()).size(), 5U);
  }
}

TEST_F(ClosingTest, WhatMakesItWorseIsLeftOut) {
  config_.epochs = 15;
  config_.closing_epochs = 0;
  distill_now();
  const std::string distilled = student();
  config_.closing_epochs = 2;
  config_.closing_lr = 5;  // nothing of the training is left
  config_.out = (folder_ / "closed").string();
  const nlohmann::json summary = distill_now();
  const nlohmann::json& closing = summary["closing"];
  ASSERT_LT(closing["val_accuracy_after"], closing["val_accuracy_before"]);
  EXPECT_EQ(closing["kept"], false);
  EXPECT_EQ(summary["student"]["val_accuracy"], closing["val_accuracy_before"]);
  EXPECT_LE(summary["student"]["best_epoch"], 15);
  EXPECT_TRUE(student() == distilled);
}

TEST_F(ClosingTest, WhatIsAsGoodIsKept) {
  config_.epochs = 1;
  config_.closing_lr = 1e-3;
  const nlohmann::json summary = distill_now();
  const nlohmann::json& closing = summary["closing"];
  EXPECT_EQ(closing["kept"].get<bool>(), closing["val_accuracy_after"].get<double>() >=
                                             closing["val_accuracy_before"].get<double>());
  EXPECT_EQ(summary["student"]["best_epoch"].get<int64_t>() > 1, closing["kept"].get<bool>());
}

}  // namespace
}  // namespace retort::run
