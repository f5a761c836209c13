#include "retort/core/epoch_metrics.h"

#include <gtest/gtest.h>

namespace retort {
namespace {

constexpr const char* kWhole =
    R"({"epoch":2,"images_per_second":200.5,"lr":0.001,"step":6,"terms":{"kd":1.5},)"
    R"("train_accuracy":50.0,"train_loss":2.25,"val_accuracy":75.0,"val_loss":0.5})";

TEST(EpochMetrics, AreALineOfTheirFileThatReadsBack) {
  const auto metrics = nlohmann::json::parse(kWhole).get<EpochMetrics>();
  EXPECT_EQ(metrics.epoch, 2);
  EXPECT_EQ(metrics.step, 6);
  EXPECT_EQ(metrics.train_loss, 2.25);
  EXPECT_EQ(metrics.train_accuracy, 50);
  EXPECT_EQ(metrics.terms, (std::map<std::string, double>{{"kd", 1.5}}));
  EXPECT_EQ(metrics.learning_rate, 0.001);
  EXPECT_EQ(metrics.images_per_second, 200.5);
  EXPECT_EQ(metrics.val_accuracy, 75);
  EXPECT_EQ(metrics.val_loss, 0.5);
  EXPECT_EQ(nlohmann::json(metrics).dump(), kWhole);
}

TEST(EpochMetrics, LeaveOutWhatWasNotMeasured) {
  EXPECT_EQ(nlohmann::json(EpochMetrics{.epoch = 1, .step = 3, .train_loss = 2}).dump(),
            R"({"epoch":1,"images_per_second":0.0,"lr":0.0,"step":3,"train_loss":2.0})");
}

TEST(EpochMetrics, ALineThatIsNoneThrows) {
  for (const char* line : {"null", "\"text\"", "{}", R"({"epoch":"x"})"})
    EXPECT_THROW(nlohmann::json::parse(line).get<EpochMetrics>(), nlohmann::json::exception)
        << line;
}

}  // namespace
}  // namespace retort
