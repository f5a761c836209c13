#include "retort/report/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "retort/core/text.h"

namespace retort::report {
namespace {

Comparison example() {
  Comparison comparison;
  comparison.title = "a <b> title";
  comparison.student = "resnet18";
  comparison.budget = "Equal steps.";
  comparison.teachers = {"teacher.pth: 83.2 % on test"};
  Arm distilled;
  distilled.name = "distill crd + kd";
  distilled.teacher = "teacher.pth";
  distilled.accuracy = {50, 52, 54};
  distilled.class_accuracy = {60, 60, 60};
  distilled.training_seconds = 200;
  distilled.teacher_seconds = 48;
  distilled.image_steps = 73440;
  distilled.saved = 93.75;
  Arm scratch = distilled;
  scratch.name = "scratch";
  scratch.teacher.clear();
  scratch.accuracy = {49.26};
  scratch.teacher_seconds = 0;
  scratch.saved = std::numeric_limits<double>::quiet_NaN();
  comparison.arms = {distilled, scratch};
  return comparison;
}

TEST(Spread, IsTheSamplesMeanAndDeviation) {
  EXPECT_EQ(to_string(spread_of({50, 52, 54})), "52.0 ± 2.0");
  EXPECT_EQ(to_string(spread_of({49.26})), "49.3");
  EXPECT_TRUE(std::isnan(spread_of({}).mean));
}

TEST(Comparison, MarkdownHasARowAnArm) {
  const std::string text = render_markdown(example());
  EXPECT_NE(text.find("| distill crd + kd | teacher.pth | 52.0 ± 2.0 | 60.0 ± 0.0 | 3 | 3 min 20 s "
                      "| 48 s | 73.4 k | 93.8 % |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("| scratch | – | 49.3 |"), std::string::npos) << text;
  EXPECT_NE(text.find("teacher.pth: 83.2 % on test"), std::string::npos);
}

TEST(Comparison, TextLinesUp) {
  std::istringstream text(render_text(example()));
  std::vector<int64_t> lengths;
  for (std::string line; lengths.size() < 4 && std::getline(text, line);)
    lengths.push_back(length(line));
  EXPECT_EQ(lengths, std::vector<int64_t>(4, lengths[0]));
}

TEST(Comparison, HtmlEscapesAndLoadsNothing) {
  const std::string html = render_html(example());
  EXPECT_NE(html.find("a &lt;b&gt; title"), std::string::npos);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_EQ(html.find("http"), html.find("http-equiv"));
  EXPECT_NE(html.find("52.0 ± 2.0"), std::string::npos);
}

}  // namespace
}  // namespace retort::report
