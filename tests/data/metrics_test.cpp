#include "retort/data/metrics.h"

#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

TEST(Metrics, AccuraciesAndConfusion) {
  // Class 0: 3 of 4; class 1: 0 of 1; class 2: 2 of 2; class 3: none.
  const std::vector<Prediction> predictions = {{"a", 0, 0, 1}, {"b", 0, 0, 1}, {"c", 0, 2, 1},
                                               {"d", 0, 0, 1}, {"e", 1, 0, 1}, {"f", 2, 2, 1},
                                               {"g", 2, 2, 1}};
  const Metrics metrics = compute_metrics(predictions, 4);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 100.0 * 5 / 7);
  EXPECT_DOUBLE_EQ(metrics.mean_class_accuracy, (75.0 + 0 + 100) / 3);
  EXPECT_EQ(metrics.class_accuracy, (std::vector<double>{75, 0, 100, -1}));
  EXPECT_EQ(metrics.class_count, (std::vector<int64_t>{4, 1, 2, 0}));
  EXPECT_EQ(metrics.confusion,
            (decltype(metrics.confusion){{{0, 0}, 3}, {{0, 2}, 1}, {{1, 0}, 1}, {{2, 2}, 2}}));
  EXPECT_EQ(metrics.confused(0, 2), 1);
  EXPECT_EQ(metrics.confused(3, 0), 0);
}

// A table of all pairs would take 80 gigabytes.
TEST(Metrics, ManyClassesTakeNoTableOfAllPairs) {
  const Metrics metrics = compute_metrics({{"a", 0, 0, 1}, {"b", 99'999, 7, 1}}, 100'000);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 50);
  EXPECT_EQ(metrics.confusion.size(), 2U);
}

TEST(Metrics, NoPredictionsAreNoAccuracy) {
  const Metrics metrics = compute_metrics({}, 2);
  EXPECT_EQ(metrics.accuracy, 0);
  EXPECT_EQ(metrics.mean_class_accuracy, 0);
  EXPECT_EQ(metrics.class_accuracy, (std::vector<double>{-1, -1}));
}

TEST(Metrics, RefusesClassesThatDoNotExist) {
  for (const Prediction& p :
       {Prediction{"odd.jpg", 2, 0, 1}, {"odd.jpg", 0, 2, 1}, {"odd.jpg", -1, 0, 1}}) {
    EXPECT_ERROR(compute_metrics({p}, 2), "prediction for odd.jpg: names class number");
    EXPECT_ERROR(to_csv({p}, {"a", "b"}), "prediction for odd.jpg: names class number");
  }
  EXPECT_ERROR(compute_metrics({}, 0), "there are no classes");
}

TEST(Csv, QuotesOnlyWhereItMust) {
  const std::vector<std::string> classes = {"plain", "comma, here", "a \"quote\"", "two\nlines"};
  const std::vector<Prediction> predictions = {{"a b/ü.jpg", 0, 1, 0.5},
                                               {"x,y.png", 2, 3, 0.1234567}};
  EXPECT_EQ(to_csv(predictions, classes),
            "path,label,predicted,probability\n"
            "a b/ü.jpg,plain,\"comma, here\",0.500000\n"
            "\"x,y.png\",\"a \"\"quote\"\"\",two\\nlines,0.123457\n");
  EXPECT_EQ(to_csv({}, classes), "path,label,predicted,probability\n");
}

}  // namespace
}  // namespace retort::data
