#include "retort/run/run_claim.h"

#include <unistd.h>

#include <atomic>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;
using testing::error_of;
using testing::says;

// Asks to stop once the first epoch is through.
class StopAfterAnEpoch : public Log {
 public:
  explicit StopAfterAnEpoch(std::atomic<bool>& stop) : stop_(stop) {}
  void info(const std::string& message) override {
    if (message.starts_with("epoch")) stop_ = true;
  }
  void warn(const std::string&) override {}
  void progress(const Progress&) override {}

 private:
  std::atomic<bool>& stop_;
};

class RunClaimTest : public SmallJob {
 protected:
  void SetUp() override {
    SmallJob::SetUp();
    config_.teacher = {"none"};
  }
  std::string all_of(const RunFolder& run) const {
    std::string all;
    for (const fs::path& file :
         {run.config(), run.summary(), run.student(), run.onnx(), run.checkpoint(), run.report(),
          run.log(), run.metrics(), run.predictions()})
      all += read_file(file);
    return all;
  }
  bool replacing() const { return fs::exists(fs::path(config_.out) / "replacement"); }
};

TEST_F(RunClaimTest, ARefusedRunLeavesTheFinishedOneAsItWas) {
  distill_now();
  const RunFolder run{config_.out};
  const std::string before = all_of(run);
  RunConfig other = config_;
  other.data = (folder_ / "nothing").string();
  EXPECT_ERROR(distill(other, {.force = true}, null_log(), never_stop()),
               "nothing: there is no such folder or CSV file");
  EXPECT_EQ(all_of(run), before);
  other = config_;
  other.student_weights = (folder_ / "no weights").string();
  EXPECT_ERROR(distill(other, {.force = true}, null_log(), never_stop()), "no weights: ");
  EXPECT_EQ(all_of(run), before);
  EXPECT_FALSE(replacing());
}

TEST_F(RunClaimTest, AFinishedRunIsNotTrainedAgain) {
  const nlohmann::json summary = distill_now();
  const RunFolder run{config_.out};
  const std::string before = all_of(run);
  for (const DistillOptions& options : {DistillOptions{}, DistillOptions{.resume = true}}) {
    EXPECT_EQ(distill_now(options), summary);
    EXPECT_EQ(all_of(run), before);
  }
  fs::remove(run.report());  // as where it was killed at the very end
  distill_now();
  EXPECT_TRUE(fs::exists(run.report()));
}

TEST_F(RunClaimTest, AFinishedRunOfOtherFilesIsNoResultOfThese) {
  distill_now();
  const RunFolder run{config_.out};
  const std::string before = all_of(run);
  fs::remove(folder_ / "data/train/class 0/0.jpg");
  EXPECT_TRUE(says(error_of([&] { distill_now(); }), "made of other files: the data"));
  EXPECT_EQ(all_of(run), before);
  distill_now({.force = true});
  EXPECT_NE(all_of(run), before);
}

TEST_F(RunClaimTest, ARunTakesAnothersPlaceOnceItIsWhole) {
  config_.tensorboard = true;
  distill_now();
  config_.tensorboard = false;
  const RunFolder run{config_.out};
  EXPECT_TRUE(fs::exists(run.tensorboard()));
  testing::put(run.root / RunFolder::kNetwork, "of the run before");
  testing::put(run.root / "notes.md", "the user's");
  config_.seed = 1;
  distill_now({.force = true});
  EXPECT_FALSE(replacing());
  EXPECT_FALSE(fs::exists(run.root / RunFolder::kNetwork));
  EXPECT_FALSE(fs::exists(run.tensorboard()));
  EXPECT_TRUE(fs::exists(run.root / "notes.md"));
  const std::string replaced = read_file(run.student());
  config_.out = (folder_ / "alone").string();
  distill_now();
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), replaced);
}

TEST_F(RunClaimTest, AnInterruptedReplacementGoesOn) {
  distill_now();
  const RunFolder run{config_.out};
  const std::string before = all_of(run);
  config_.seed = 1;
  std::atomic<bool> stop{false};
  StopAfterAnEpoch log(stop);
  EXPECT_THROW(distill(config_, {.force = true}, log, stop), Interrupted);
  EXPECT_EQ(all_of(run), before);
  EXPECT_TRUE(replacing());
  EXPECT_TRUE(says(error_of([&] { distill_now(); }), "other settings (seed)"));
  distill_now({.resume = true});
  EXPECT_FALSE(replacing());
  const std::string replaced = read_file(run.student());
  config_.out = (folder_ / "alone").string();
  distill_now();
  EXPECT_EQ(read_file(RunFolder{config_.out}.student()), replaced);
}

// Killed after any of its moves: the next claim makes the rest.
TEST_F(RunClaimTest, AReplacementThatWasKilledIsPutInPlace) {
  distill_now();
  const fs::path copy = folder_ / "copy";
  const RunFolder run{config_.out};
  for (const std::string moved :
       {"", "checkpoints", "student.onnx", "config.toml", "summary.json"}) {
    SCOPED_TRACE(moved);
    fs::remove_all(copy);
    fs::copy(run.root, copy, fs::copy_options::recursive);
    fs::create_directories(copy / "replacement");
    for (const char* name : {"config.toml", "checkpoints", "student.safetensors", "student.onnx",
                             "predictions.json", "metrics.jsonl", "log.txt", "summary.json"})
      fs::rename(copy / name, copy / "replacement" / name);
    fs::remove(copy / "report.html");
    testing::put(copy / "replacement/.placing", "");
    if (!moved.empty()) fs::rename(copy / "replacement" / moved, copy / moved);
    if (moved == "summary.json") {  // is the last
      for (const auto& entry : fs::directory_iterator(copy / "replacement"))
        if (entry.path().filename() != ".placing")
          fs::rename(entry.path(), copy / entry.path().filename());
    }
    const RunClaim claim(copy, read_file(run.config()), {});
    EXPECT_TRUE(claim.is_done());
    EXPECT_FALSE(fs::exists(copy / "replacement"));
    EXPECT_EQ(read_file(copy / "student.onnx"), read_file(run.onnx()));
    EXPECT_EQ(read_file(copy / "checkpoints/last.safetensors"), read_file(run.checkpoint()));
  }
}

TEST_F(RunClaimTest, TheSecondProcessIsRefused) {
  const FolderLock lock(config_.out);
  const std::string who = "is in use: process " + std::to_string(::getpid());
  EXPECT_TRUE(says(error_of([&] { distill_now(); }), who));
  EXPECT_TRUE(says(error_of([&] { distill_now({.force = true}); }), who));
}

TEST_F(RunClaimTest, WhatIsUnfinishedSaysHowToFinish) {
  std::atomic<bool> stop{false};
  StopAfterAnEpoch log(stop);
  EXPECT_THROW(distill(config_, {}, log, stop), Interrupted);
  const char* const mend = "finish it with `retort distill --resume`";
  EXPECT_TRUE(says(error_of([&] { write_report(config_.out, {}); }), mend));
  EXPECT_TRUE(says(error_of([&] { load_student(RunFolder{config_.out}.student()); }), mend));
  EXPECT_TRUE(says(error_of([&] { load_student(folder_ / "none/student.safetensors"); }),
                   "name the folder that `retort distill --out` wrote"));
  config_.out = (folder_ / "data/train/class 0/0.jpg/run").string();
  EXPECT_TRUE(says(error_of([&] { distill_now(); }), "a part of this path is a file"));
}

}  // namespace
}  // namespace retort::run
