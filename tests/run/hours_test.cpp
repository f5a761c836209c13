#include "retort/run/hours.h"

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/run/run_folder.h"
#include "tests/run/small_job.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

namespace fs = std::filesystem;

RunConfig of_hours(double hours) {
  RunConfig config;
  config.data = "photos";
  config.teacher = {"teacher.pth"};
  config.out = "runs/x";
  config.hours = hours;
  return config;
}

HoursMeasured measured(double seconds_left) {
  return {.seconds_left = seconds_left,
          .student_rate = 100,
          .evaluation_rate = 300,
          .teacher_rate = 50,
          .train = 1000,
          .val = 100,
          .test = 200};
}

TEST(Hours, AsManyEpochsAsThereIsTimeFor) {
  const Plan plan = resolve(of_hours(1));
  for (const bool passes : {false, true}) {
    const HoursMeasured known = measured(3600);
    int64_t epochs = choose_epochs(plan, {}, known);
    if (passes) epochs = choose_before_passes(plan, {}, known).epochs_before;
    const Plan own = passes ? with_choice(plan, choose_before_passes(plan, {}, known), 1) : plan;
    EXPECT_LE(seconds_of(own, {}, known, epochs, passes), 3600);
    EXPECT_GT(seconds_of(own, {}, known, epochs + 1, passes), 3600);
  }
  // An epoch takes 10 s, its validation a third of a second.
  EXPECT_EQ(choose_epochs(plan, {}, measured(3600)), 347);
  EXPECT_USAGE_ERROR(choose_epochs(plan, {}, measured(10)),
                     "--hours: is too little: one epoch takes");
  EXPECT_USAGE_ERROR(choose_before_passes(plan, {}, measured(30)), "and 30 s are left");
}

TEST(Hours, TheTeacherHasAtMostAQuarter) {
  const Plan plan = resolve(of_hours(1));
  EXPECT_FALSE(choose_before_passes(plan, {}, measured(36000)).views) << "as without --hours";
  const HoursChoice choice = choose_before_passes(plan, {}, measured(1000));
  ASSERT_TRUE(choice.views);
  EXPECT_EQ(*choice.views, 12);  // 20 s each
  RunConfig said = of_hours(1);
  said.views = 2;
  EXPECT_EQ(choose_before_passes(resolve(said), {}, measured(1000)).views, 2);
}

TEST(Hours, ExtrasAndTheClosingPhaseTakeTheirTime) {
  RunConfig config = of_hours(1);
  config.extra = {"pile:4"};
  const Plan plan = resolve(config);
  EXPECT_LT(choose_epochs(plan, {5000}, measured(3600)), 347 / 4);
  config.closing_epochs = 100;
  EXPECT_LT(choose_epochs(resolve(config), {5000}, measured(3600)),
            choose_epochs(plan, {5000}, measured(3600)) - 15);
}

TEST(Hours, AreNotCombinedWithEpochs) {
  RunConfig config = of_hours(1);
  config.epochs = 40;
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { validate(config); }),
                            "leave out --epochs"));
  config.epochs = 0;
  EXPECT_NO_THROW(validate(config));
  EXPECT_EQ(absolute(config).epochs, 0);
  config.hours = 0;
  EXPECT_EQ(absolute(config).epochs, 100);
}

class HoursRun : public SmallJob {};

// Raises the flag after the first epoch.
struct StopEarly : Log {
  void info(const std::string& message) override {
    all += message + "\n";
    stop = stop || message.starts_with("epoch   1:");
  }
  void warn(const std::string&) override {}
  void progress(const Progress&) override {}
  std::string all;
  StopFlag stop{false};
};

TEST_F(HoursRun, AResumedRunKeepsThePlan) {
  config_.epochs = 0;
  config_.hours = 0.2;
  StopEarly log;
  EXPECT_THROW(distill(config_, {}, log, log.stop), Interrupted);
  EXPECT_TRUE(testing::says(log.all, "--hours 0.2: about "));
  EXPECT_TRUE(testing::says(log.all, " linear schedule over all of them"));
  const RunFolder run{config_.out};
  const std::string chosen = read_file(run.hours());
  std::optional<HoursChoice> choice = read_choice(run.hours());
  ASSERT_TRUE(choice);
  EXPECT_GT(choice->epochs, 2);
  EXPECT_EQ(choice->hours, 0.2);
  EXPECT_FALSE(fs::exists(run.checkpoint().parent_path() / "trial.safetensors"));
  EXPECT_TRUE(testing::says(read_file(run.config()), "\nepochs = 0\n"));
  EXPECT_TRUE(testing::says(read_file(run.config()), "\nhours = 0.2\n"));

  StopEarly again;
  EXPECT_THROW(distill(config_, {.resume = true}, again, again.stop), Interrupted);
  EXPECT_TRUE(testing::says(again.all, "goes on with the " + std::to_string(choice->epochs)));
  EXPECT_EQ(read_file(run.hours()), chosen);

  choice->epochs = 2;
  write_choice(run.hours(), *choice);
  EXPECT_TRUE(testing::says(testing::error_of([&] { distill_now({.resume = true}); }),
                            "was made with other settings, data or teacher (epochs)"));
}

TEST_F(HoursRun, EndsWithTheEpochsThatItChose) {
  config_.epochs = 0;
  config_.hours = 0.008;
  const nlohmann::json summary = distill_now();
  const std::optional<HoursChoice> choice = read_choice(RunFolder{config_.out}.hours());
  ASSERT_TRUE(choice);
  EXPECT_EQ(summary["epochs"], choice->epochs);
  EXPECT_EQ(summary["image_steps"], 18 * choice->epochs);
}

TEST_F(HoursRun, TooLittleIsSaidBeforeAnythingIsTrained) {
  config_.epochs = 0;
  config_.hours = 1e-4;
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { distill_now(); }),
                            "is too little: one epoch takes"));
}

}  // namespace
}  // namespace retort::run
