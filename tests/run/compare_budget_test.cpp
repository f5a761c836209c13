#include "retort/run/compare_budget.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/compare_files.h"
#include "retort/run/run_folder.h"
#include "retort/run/teacher_measures.h"
#include "tests/run/small_comparison.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

class CompareBudgetTest : public SmallComparison {
 protected:
  void SetUp() override {
    SmallComparison::SetUp();
    compare_.arms = {ArmKind::scratch, ArmKind::distill};
    compare_.losses = {"kd"};
    compare_.seeds = 1;
  }
};

TEST_F(CompareBudgetTest, OnPaperEachArmHasItsOwnLength) {
  compare_.budget = Budget::paper;
  compare_.base.student_weights = write_weights("student.safetensors", {config_.student, 5});
  compare_.arms.push_back(ArmKind::finetune);
  const report::Comparison comparison = now();
  ASSERT_EQ(comparison.arms.size(), 3U);
  const fs::path out = compare_.base.out;
  for (const report::Arm& arm : comparison.arms) {
    const std::string folder =
        folder_name(arm.teacher.empty() ? arm.name : arm.name + " from " + arm.teacher);
    EXPECT_TRUE(arm.image_steps == 18 || arm.image_steps == 54) << arm.name;
    EXPECT_EQ(arm.image_steps == 54, arm.name.ends_with(", 3x as long")) << arm.name;
    EXPECT_TRUE(fs::exists(out / folder / "seed-0/summary.json")) << folder;
    ASSERT_EQ(arm.validation.size(), 1U);
  }
  for (const char* each : {"scratch", "finetune"}) {
    const auto validated = [&](const std::string& folder) {
      return *summary_of(out / folder / "seed-0").student.val_accuracy;
    };
    const double one = validated(each), three = validated(std::string(each) + "-3x-as-long");
    const auto chosen = std::ranges::find_if(
        comparison.arms, [&](const report::Arm& arm) { return arm.name.starts_with(each); });
    EXPECT_EQ(chosen->validation[0], std::max(one, three)) << each;
    EXPECT_EQ(chosen->image_steps == 18, one >= three) << "the shorter where they are alike";
  }
  EXPECT_EQ(comparison.arms[2].pretraining_steps, 300 * int64_t{1281167});
  EXPECT_EQ(comparison.arms[0].pretraining_steps, 0);
  EXPECT_TRUE(testing::says(comparison.pretraining, "Pre-training is 384 M image-steps"));
  EXPECT_TRUE(testing::says(comparison.pretraining, "of pre-training's)"));
  EXPECT_TRUE(testing::says(comparison.budget, "Each arm to its own best schedule"));
}

TEST_F(CompareBudgetTest, EqualTimeIsMeasuredOnceAndKept) {
  compare_.budget = Budget::time;
  compare_.base.epochs = 2;
  const report::Comparison first = now();
  ASSERT_EQ(first.arms.size(), 2U);
  EXPECT_EQ(first.arms[1].image_steps, 36) << "the distilled arm is the measure";
  EXPECT_GE(first.arms[0].image_steps, 36) << "without a teacher there is time for more";
  EXPECT_TRUE(testing::says(first.budget, "Equal time: "));
  const fs::path file = fs::path(compare_.base.out) / "budget.json";
  const std::string kept = read_file(file);
  const report::Comparison second = now();
  EXPECT_EQ(read_file(file), kept);
  EXPECT_EQ(second.arms[0].image_steps, first.arms[0].image_steps);
  compare_.arms = {ArmKind::scratch};
  EXPECT_USAGE_ERROR(now(), "is that of the distilled arm, and there is none");
}

TEST_F(CompareBudgetTest, HoursAreSharedByAllRuns) {
  compare_.base.epochs = 0;
  compare_.base.hours = 1;
  const fs::path file = folder_ / "budget.json";
  const auto epochs_of_arms = [&] { return budgeted(compare_, file, null_log(), never_stop()); };
  const BudgetedArms one = epochs_of_arms();
  EXPECT_GT(one.epochs, 10);
  EXPECT_EQ(one.arms[0].runs[0].epochs, one.epochs);
  EXPECT_EQ(one.arms[0].runs[0].hours, 0);
  write_file_atomic(file, one.measured.dump());
  EXPECT_EQ(epochs_of_arms().epochs, one.epochs) << "kept";
  compare_.base.hours = 1e-4;
  EXPECT_USAGE_ERROR(epochs_of_arms(), "--hours: is too little: one epoch of every run takes ");
  compare_.base.hours = 1;
  compare_.base.epochs = 3;
  EXPECT_USAGE_ERROR(epochs_of_arms(), "--hours: chooses the epochs, and 3 are named");
  compare_.base.epochs = 0;
  compare_.budget = Budget::time;
  EXPECT_USAGE_ERROR(epochs_of_arms(), "is how long the distilled arm takes by its --epochs");
}

TEST_F(CompareBudgetTest, SeveralTeachersAreMeasuredBeforeTheRuns) {
  const std::string second = write_weights("second.safetensors", {"shufflenet_v2_x0_5", 5}) + "@32";
  compare_.teachers.push_back(second);
  const report::Comparison comparison = now();
  for (const char* name : {"teacher.safetensors@32", "second.safetensors@32", "nearest neighbour",
                           "has not been checked"})
    EXPECT_TRUE(testing::says(comparison.measures, name));
  EXPECT_TRUE(
      testing::says(read_file(fs::path(compare_.base.out) / "compare.md"), "Before the runs:"));

  RunConfig one = config_, other = config_;
  other.teacher = {second};
  const Context context{null_log(), never_stop()};
  const std::vector<TeacherMeasure> measures = measure_teachers({one, other}, context);
  ASSERT_EQ(measures.size(), 2U);
  EXPECT_GE(measures[0].probe, measures[1].probe);
  for (const TeacherMeasure& each : measures) {
    EXPECT_GE(each.neighbour, 0);
    EXPECT_LE(each.neighbour, 100);
    EXPECT_GT(each.certainty, 100.0 / 3 - 0.1);
  }
  compare_.teachers.pop_back();
  compare_.base.out = (folder_ / "one teacher").string();
  EXPECT_TRUE(now().measures.empty());
}

}  // namespace
}  // namespace retort::run
