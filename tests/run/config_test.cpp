#include "retort/run/config.h"

#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/losses/loss.h"
#include "retort/run/options.h"
#include "retort/run/plan.h"
#include "tests/support/message.h"

namespace retort::run {
namespace {

RunConfig complete() {
  RunConfig config;
  config.data = "photos";
  config.teacher = {"none"};
  config.out = "runs/x";
  return config;
}

TEST(RunConfig, IsMeantAsItStands) { EXPECT_NO_THROW(validate(complete())); }

TEST(RunConfig, WhatCannotBeMeantIsAUsageError) {
  const auto expect = [](const char* message, auto change) {
    RunConfig config = complete();
    change(config);
    const std::string error = testing::error_of<UsageError>([&] { validate(config); });
    EXPECT_TRUE(testing::says(error, message));
  };
  expect("--data: no data set was named", [](RunConfig& c) { c.data.clear(); });
  expect("--teacher: no teacher was named", [](RunConfig& c) { c.teacher.clear(); });
  expect("--out: no run folder was named", [](RunConfig& c) { c.out.clear(); });
  expect("--loss: 'kd' is a loss of another kind", [](RunConfig& c) { c.loss = "kd"; });
  expect("nonsense", [](RunConfig& c) { c.loss = "nonsense"; });
  expect("--crop-min: is larger than --crop-max",
         [](RunConfig& c) { c.view.scale_min = 0.9, c.view.scale_max = 0.5; });
}

TEST(RunConfig, PathsThatCannotStandInAFileAreRefused) {
  for (const char* bad : {"caf\xe9", "a\nb", "a\x1b[31mb", "a\"'b"}) {
    RunConfig config = complete();
    config.data = bad;
    const std::string message = testing::error_of<UsageError>([&] { validate(config); });
    EXPECT_TRUE(testing::says(message, "cannot stand in config.toml"));
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
  }
  RunConfig config = complete();
  config.data = "zn #1, größe [2] = ;x";
  EXPECT_NO_THROW(validate(config));
}

TEST(RunConfig, WordsAreChoices) {
  EXPECT_EQ(choice_from<TeacherHead>("zero-shot", "--teacher-head"), TeacherHead::zero_shot);
  EXPECT_EQ(word_of(StartKind::as_published), "public");
  const std::string error =
      testing::error_of<UsageError>([] { choice_from<MoreViews>("never", "--more-views"); });
  EXPECT_TRUE(testing::says(error, "--more-views: is 'never'"));
  EXPECT_TRUE(testing::says(error, "one of: repeat, live"));
}

TEST(RunConfig, SmallBatchesWhereStepsAreFew) {
  RunConfig config = complete();
  config.epochs = 40;
  const auto batch = [&](int64_t images) {
    return batch_size_for(resolve(config).training, images);
  };
  EXPECT_EQ(batch(1836), 32);
  EXPECT_EQ(batch(3200), 64);
  config.batch_size = 16;
  EXPECT_EQ(batch(1836), 16);
  config.batch_size = 1;
  EXPECT_USAGE_ERROR(validate(config), "--batch-size: a batch of one has no negatives");
}

TEST(RunConfig, TheRateFollowsTheImagesAndTheStart) {
  RunConfig config = complete();
  const auto rate = [&](int64_t images) {
    return learning_rate_for(resolve(config).training, images);
  };
  EXPECT_EQ(rate(10000), 1e-3);
  config.optimizer = OptimizerKind::adamw;
  EXPECT_EQ(rate(9999), 1e-3);
  EXPECT_EQ(rate(10000), 3e-3);
  config.student_weights = "student.pth";
  EXPECT_EQ(rate(10000), 3e-4);
  config.lr = 0.25;
  EXPECT_EQ(rate(10000), 0.25);
}

TEST(RunConfig, TheClosingPhaseFollowsItsRule) {
  RunConfig config = complete();
  config.closing_epochs = 3;
  EXPECT_USAGE_ERROR(validate(config), "--closing-epochs: follows a distillation");
  config.teacher = {"teacher.pth"};
  EXPECT_EQ(resolve(config).training.closing_epochs, 3);
  EXPECT_DOUBLE_EQ(closing_rate_for(resolve(config).training, 100), 1e-4);
  config.closing_lr = 0.5;
  EXPECT_DOUBLE_EQ(closing_rate_for(resolve(config).training, 100), 0.5);
  config.closing_epochs = RunConfig::kByRule;
  config.epochs = 40;
  EXPECT_EQ(resolve(config).training.closing_epochs, 0) << "without a pile";
  config.extra = {"pile:4"};
  EXPECT_EQ(resolve(config).training.closing_epochs, 20);  // a tenth of 40 x 5
  config.epochs = 4;
  EXPECT_EQ(resolve(config).training.closing_epochs, 10);
  config.epochs = 4000;
  EXPECT_EQ(resolve(config).training.closing_epochs, 100);
}

TEST(RunConfig, MuonIsForRandomWeights) {
  RunConfig config = complete();
  EXPECT_TRUE(resolve(config).training.options.muon);
  config.student_weights = "student.pth";
  EXPECT_FALSE(resolve(config).training.options.muon);
  config.optimizer = OptimizerKind::muon;
  EXPECT_TRUE(resolve(config).training.options.muon);
  config = complete();
  config.optimizer = OptimizerKind::adamw;
  EXPECT_FALSE(resolve(config).training.options.muon);
  config.optimizer = OptimizerKind::automatic;
  config.student = "my.pt";  // whose weights may be anything
  EXPECT_FALSE(resolve(config).training.options.muon);
}

TEST(RunConfig, LossesBringTheirOwnWeightsAndTemperatures) {
  RunConfig config = complete();
  config.teacher = {"teacher.pth"};
  config.loss = "crd";
  config.logit_loss = "dist";
  config.loss_option = {"negatives=8", "projector=simclr"};
  std::vector<losses::TermConfig> terms = resolve(config).training.terms;
  ASSERT_EQ(terms.size(), 3U);
  EXPECT_EQ(terms[1].weight, losses::find_loss("crd").weight);
  EXPECT_EQ(terms[1].options.at("negatives").number(), 8);
  EXPECT_EQ(terms[1].options.at("projector").word(), "simclr");
  EXPECT_TRUE(terms[2].options.empty());
  config.loss_weight = 0.25;
  config.temperature = 3;
  terms = resolve(config).training.terms;
  EXPECT_EQ(terms[1].weight, 0.25);
  EXPECT_EQ(terms[2].options.at("temperature").number(), 3);
  for (const char* bad : {"negatives", "=8", "negatives="}) {
    config.loss_option = {bad};
    EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { resolve(config); }),
                              "'" + std::string(bad) + "' is not NAME=VALUE"));
  }
  config.loss_option = {"negatives=nan"};
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([&] { resolve(config); }),
                            "is no finite number"));
}

TEST(RunConfig, WhatNoLossCanBeIsKnownBeforeTheTeachersPasses) {
  RunConfig taught = complete();
  taught.teacher = {"teacher.pth"};
  RunConfig config = taught;
  config.loss_option = {"zzz=1"};
  EXPECT_USAGE_ERROR(resolve(config), "zzz");
  config = taught;
  config.logit_option = {"temperature=0"};
  EXPECT_USAGE_ERROR(resolve(config), "temperature");
  config = taught;
  config.label_weight = 0;
  config.loss = config.logit_loss = {};
  EXPECT_USAGE_ERROR(resolve(config), "there is nothing to train with");
}

TEST(RunConfig, RecipesNameOptions) {
  RunConfig config;
  std::set<std::string> names;
  visit_options(config, [&](const char* name, const auto&, const Range&, const char*, const char*) {
    names.insert(name);
  });
  for (const char* each : {"paper", "patient"})
    for (const auto& [name, value] : recipe(each)) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_TRUE(testing::says(testing::error_of<UsageError>([] { recipe("papier"); }),
                            "--recipe: is 'papier'\n  to mend it: one of: paper, patient"));
}

TEST(RunConfig, TomlHoldsEveryOption) {
  RunConfig config = complete();
  config.data = "a \"quoted\" \\ path";
  config.lr = 0.25;
  const std::string toml = to_toml(config);
  EXPECT_NE(toml.find("data = 'a \"quoted\" \\ path'\n"), std::string::npos);
  EXPECT_NE(toml.find("\nlr = 0.25\n"), std::string::npos);
  visit_options(config, [&](const char* name, const auto&, const Range&, const char*, const char*) {
    EXPECT_NE(toml.find("\n" + std::string(name) + " = "), std::string::npos) << name;
  });
}

TEST(RunConfig, OneFolderIsOnePath) {
  RunConfig plain = complete(), other = complete();
  plain.data = "photos";
  other.data = "./photos//";
  plain.extra = {"more:2"};
  other.extra = {"more/:2"};
  plain.out = "runs/a";
  other.out = "runs/a/";
  EXPECT_EQ(to_toml(absolute(other)), to_toml(absolute(plain)));
  plain.data = "/";
  EXPECT_EQ(absolute(plain).data, "/");
}

}  // namespace
}  // namespace retort::run
