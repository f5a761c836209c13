#include "retort/run/compare.h"

#include <cmath>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/data/content.h"
#include "retort/run/compare_plan.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_comparison.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

class CompareTest : public SmallComparison {
 protected:
  void SetUp() override {
    SmallComparison::SetUp();
    compare_.base.student_weights = write_weights("student.safetensors", {config_.student, 5});
    compare_.losses = {"align_uniform", "kd", "info_nce+dkd"};
    compare_.seeds = 2;
  }
};

// The labels get no weight, and the base of the comparison has no teacher.
TEST_F(CompareTest, DistillationAloneCanBeCompared) {
  compare_.base.label_weight = 0;
  compare_.arms = {ArmKind::distill};
  EXPECT_NO_THROW(check_base(compare_));
  EXPECT_EQ(plans_of(compare_, null_log()).size(), 3U);
}

TEST_F(CompareTest, RunsEachArmOverTheSeedsAndThenOnlyWhatIsMissing) {
  const report::Comparison first = now();
  std::vector<std::string> names;
  for (const report::Arm& arm : first.arms) {
    names.push_back(arm.name);
    EXPECT_EQ(arm.accuracy.size(), arm.name == "linear-probe" ? 1U : 2U) << arm.name;
    EXPECT_EQ(arm.image_steps, arm.name == "linear-probe" ? 0 : 18) << arm.name;
    EXPECT_EQ(std::isfinite(arm.saved), arm.name.starts_with("distill")) << arm.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"scratch", "linear-probe", "finetune",
                                             "distill align_uniform + kd", "distill kd",
                                             "distill info_nce + dkd"}));
  ASSERT_EQ(first.teachers.size(), 1U);
  const fs::path out = compare_.base.out;
  for (const char* file : {"compare.json", "compare.md", "compare.html"})
    EXPECT_TRUE(fs::exists(out / file)) << file;

  // Each loss has its own weight.
  EXPECT_NE(
      read_file(out / "distill-align_uniform-kd-from-teacher.safetensors-32/seed-0/config.toml")
          .find("\nloss-weight = 0.8\n"),
      std::string::npos);
  EXPECT_NE(read_file(out / "distill-info_nce-dkd-from-teacher.safetensors-32/seed-1/config.toml")
                .find("\nloss-weight = 1\n"),
            std::string::npos);

  const fs::path gone = out / "scratch/seed-1", kept = out / "finetune/seed-0";
  const auto before = fs::last_write_time(kept / "student.safetensors");
  const std::string weights = read_file(gone / "student.safetensors");
  fs::remove_all(gone);
  const std::string expected = run::expected(compare_, null_log(), never_stop());
  EXPECT_TRUE(testing::says(expected, "scratch: 1 of 2 runs are there, 1 run of "));
  EXPECT_TRUE(testing::says(expected, "linear-probe: 1 run\n"));
  EXPECT_TRUE(testing::says(expected, "finetune: 2 of 2 runs are there\n"));
  EXPECT_TRUE(testing::says(expected, "in all: 2 runs, "));
  EXPECT_FALSE(fs::exists(gone)) << "to measure is not to run";
  const report::Comparison second = now();
  EXPECT_EQ(fs::last_write_time(kept / "student.safetensors"), before);
  EXPECT_EQ(read_file(gone / "student.safetensors"), weights);
  for (size_t i = 0; i < first.arms.size(); ++i)
    EXPECT_EQ(second.arms[i].accuracy, first.arms[i].accuracy) << first.arms[i].name;
}

TEST_F(CompareTest, EachExtraIsAnArmOfAsManyImageSteps) {
  testing::write_pictures(folder_ / "pile", "train", 3, 6);
  compare_.base.student_weights.clear();
  compare_.base.epochs = 4;
  compare_.base.extra = {(folder_ / "pile").string() + ":1", (folder_ / "pile").string() + ":3"};
  compare_.losses = {"kd"};
  compare_.seeds = 1;
  const report::Comparison comparison = now();
  std::vector<std::string> names;
  for (const report::Arm& arm : comparison.arms) {
    names.push_back(arm.name);
    EXPECT_EQ(arm.image_steps, 72) << arm.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"scratch", "distill kd", "distill kd, with pile 1x",
                                             "distill kd, with pile 3x"}));
}

TEST_F(CompareTest, AClosingPhaseIsPartOfTheBudget) {
  testing::write_pictures(folder_ / "pile", "train", 3, 6);
  compare_.base.student_weights.clear();
  compare_.base.epochs = 5;
  compare_.base.closing_epochs = 1;
  compare_.base.extra = {(folder_ / "pile").string() + ":1"};
  compare_.losses = {"kd"};
  compare_.seeds = 1;
  const report::Comparison comparison = now();
  ASSERT_EQ(comparison.arms.size(), 3U);
  for (const report::Arm& arm : comparison.arms) EXPECT_EQ(arm.image_steps, 5 * 18) << arm.name;
  compare_.base.closing_epochs = 5;
  EXPECT_USAGE_ERROR(now(), "--closing-epochs: leaves nothing of the 5 --epochs");
}

TEST_F(CompareTest, TwoTeachersAtOnceAreOneArm) {
  compare_.base.student_weights.clear();
  compare_.base.epochs = 1;
  compare_.teachers = {config_.teacher.front() + "@32+" +
                       write_weights("second.safetensors", {"shufflenet_v2_x0_5", 5}) + "@32:2"};
  compare_.arms = {ArmKind::distill};
  compare_.losses = {"kd"};
  compare_.seeds = 1;
  const report::Comparison comparison = now();
  ASSERT_EQ(comparison.arms.size(), 1U);
  EXPECT_EQ(comparison.arms[0].teacher, "teacher.safetensors@32 + second.safetensors@32:2");
}

TEST_F(CompareTest, AFinetunedStudentCanHaveATeacherToo) {
  compare_.arms = {ArmKind::finetune_distill};
  compare_.losses = {"kd"};
  compare_.seeds = 1;
  const report::Comparison comparison = now();
  ASSERT_EQ(comparison.arms.size(), 1U);
  EXPECT_EQ(comparison.arms[0].name, "finetune, distill kd");
  EXPECT_TRUE(std::isnan(comparison.arms[0].saved)) << "it was pre-trained";
  const fs::path run =
      fs::path(compare_.base.out) / "finetune-distill-kd-from-teacher.safetensors-32/seed-0";
  const std::string settings = read_file(run / "config.toml");
  EXPECT_TRUE(testing::says(settings, "\nlr = 3e-04\n"));
  EXPECT_TRUE(
      testing::says(settings, "\nstudent-weights = \"" + compare_.base.student_weights + "\"\n"));
  EXPECT_EQ(rows_of(run, {}).back().name, "pre-trained and distilled");
}

TEST_F(CompareTest, WithoutLabelsOnlyDistilledArmsRun) {
  testing::write_two_towers(folder_ / "clip", "clip");
  testing::put(folder_ / "classes.txt", "sea\nforest\n");
  compare_.base.data = (folder_ / "data/train").string();
  compare_.base.classes = (folder_ / "classes.txt").string();
  compare_.base.teacher_head = TeacherHead::zero_shot;
  compare_.base.epochs = compare_.seeds = 1;
  compare_.teachers = {(folder_ / "clip").string()};
  compare_.losses = {"kd"};
  const report::Comparison comparison = now();
  ASSERT_EQ(comparison.arms.size(), 1U);
  EXPECT_EQ(comparison.arms[0].name, "distill kd");
  EXPECT_EQ(comparison.split, "validation, as the teacher labels it");
  compare_.arms = {ArmKind::scratch};
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { now(); }), "needs labels"));
}

TEST_F(CompareTest, OneTrainedTeacherServesAllLossesAndSeeds) {
  compare_.base.student_weights.clear();
  compare_.base.teacher_init = TeacherInit::finetune;
  compare_.base.teacher_epochs = 1;
  compare_.arms = {ArmKind::distill};
  compare_.losses = {"kd", "info_nce"};
  for (const report::Arm& arm : now().arms) EXPECT_EQ(arm.accuracy.size(), 2U) << arm.name;
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(compare_.base.out))
    folders += entry.is_directory() ? 1 : 0;
  EXPECT_EQ(folders, 3);  // the teacher's and the arms'
  // A run's settings have the option, and its inputs the teacher that was trained.
  const RunFolder run{fs::path(compare_.base.out) /
                      "distill-kd-from-teacher.safetensors-32/seed-1"};
  EXPECT_TRUE(testing::says(read_file(run.config()), "\nteacher-init = \"finetune\"\n"));
  const fs::path teacher = fs::path(compare_.base.out) / "teacher-teacher.safetensors-32";
  EXPECT_EQ(read_json(run.summary())["inputs"]["teachers"][0],
            data::file_hash(RunFolder{teacher}.student()));
  const auto before = fs::last_write_time(run.student());
  now();
  EXPECT_EQ(fs::last_write_time(run.student()), before) << "a finished run is only read";
  EXPECT_TRUE(testing::says(expected(compare_, null_log(), never_stop()), "in all: 0 runs, "));
  fs::remove_all(teacher);
  EXPECT_TRUE(testing::says(expected(compare_, null_log(), never_stop()), "in all: 4 runs, "));
}

TEST_F(CompareTest, WhatAnArmLacksIsAUsageError) {
  compare_.base.student_weights.clear();
  const auto error = [&] { return testing::error_of<UsageError>([&] { now(); }); };
  for (const ArmKind arm : {ArmKind::finetune, ArmKind::finetune_distill}) {
    compare_.arms = {arm};
    EXPECT_TRUE(
        testing::says(error(), "--arm " + word_of(arm) + ": needs pre-trained weights of the"));
  }
  compare_.arms = {ArmKind::distill};
  for (const auto& [loss, message] : {std::pair{"nonsense", "no loss named `nonsense`"},
                                      {"cross_entropy", "that is the arm `scratch`"},
                                      {"crd+info_nce", "names two losses of one kind"},
                                      {"crd+", "no loss named ``"}}) {
    compare_.losses = {loss};
    EXPECT_TRUE(testing::says(error(), message));
  }
  compare_.losses = {"kd"};
  compare_.teachers = {config_.teacher.front() + "@2000"};
  EXPECT_TRUE(testing::says(error(), "its resolution is not in 1 to 1024 pixels"));
  compare_.teachers.clear();
  EXPECT_TRUE(testing::says(error(), "--arm distill: needs a teacher"));
}

}  // namespace
}  // namespace retort::run
