#include "retort/report/page.h"

#include <gtest/gtest.h>

#include "retort/report/verdict.h"
#include "tests/report/example.h"
#include "tests/report/markup.h"
#include "tests/support/folder.h"

namespace retort::report {
namespace {

void expect_sound(const std::string& html) {
  EXPECT_EQ(markup_error(html), "");
  for (const std::string& load : loads(html))
    EXPECT_TRUE(load.starts_with("data:image/jpeg;base64,")) << load.substr(0, 80);
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  for (const char* nonsense : {">nan", ">inf", "\"nan", "-nan", "\"inf"})
    EXPECT_EQ(html.find(nonsense), std::string::npos) << nonsense;
}

std::string verdict_of(const Page& page) {
  return verdict(page, page.predictions.empty()
                           ? data::Metrics{}
                           : data::compute_metrics(page.predictions,
                                                   static_cast<int64_t>(page.classes.size())));
}

TEST(Page, HoldsEverySection) {
  const testing::TestFolder folder;
  const Page page = example_page(folder.path(), 7, 12);
  const std::string html = render_page(page);
  expect_sound(html);
  for (const char* title : {"Results", "Training", "Accuracy of each class", "Confusion",
                            "Sample images", "Skipped files", "Configuration"})
    EXPECT_EQ(occurrences(html, "<h2>" + std::string(title) + "</h2>"), 1U) << title;
  EXPECT_EQ(occurrences(html, "class=\"chart\""), 4U);
  EXPECT_EQ(occurrences(html, "class=\"bar\""), 7U);
  EXPECT_GT(occurrences(html, "<img "), 10U);
  EXPECT_NE(html.find("train/a/broken.jpg"), std::string::npos);
  EXPECT_NE(html.find("student = &quot;mobilenet_v2&quot;"), std::string::npos);
  EXPECT_NE(html.find("702.123"), std::string::npos);
  EXPECT_EQ(render_page(page), html);
}

TEST(Page, BarsRunFromWorstToBest) {
  Page page;
  page.classes = {"good", "bad", "absent", "fair"};
  page.predictions = {{"1", 0, 0, 1}, {"2", 1, 0, 1}, {"3", 3, 3, 1}, {"4", 3, 0, 1}};
  const std::string html = render_page(page);
  const size_t bad = html.find("title=\"bad: 0 of 1 right\""),
               fair = html.find("title=\"fair: 1 of 2 right\""),
               good = html.find("title=\"good: 1 of 1 right\"");
  EXPECT_NE(good, std::string::npos);
  EXPECT_LT(bad, fair);
  EXPECT_LT(fair, good);
  EXPECT_NE(html.find("Without images here: absent."), std::string::npos);
}

TEST(Page, EscapesHostileNames) {
  const testing::TestFolder folder;
  const std::string hostile = "<script>alert(1)</script>\" onmouseover=\"x' & \x1B\xFF";
  Page page = example_page(folder.path(), 3, 6);
  page.title = page.split = page.config_toml = hostile;
  page.classes.assign(3, hostile);
  for (Row& row : page.rows) row.model = hostile;
  page.rows.push_back({hostile, hostile, 12, 1, 1, 1, 1});
  write_picture(folder / "<script>\"x\".jpg", 9, 9, 1);
  page.predictions.push_back({"<script>\"x\".jpg", 0, 1, 1.0});
  for (EpochMetrics& epoch : page.epochs) epoch.terms[hostile] = 1.5;
  page.summary = {{hostile, hostile},
                  {"skipped_files", {{{"path", hostile}, {"reason", hostile}}, hostile, 7}}};
  const std::string html = render_page(page);
  expect_sound(html);
  EXPECT_EQ(html.find(" onmouseover=\""), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;&quot;x&quot;.jpg"), std::string::npos);
}

TEST(Page, MissingPiecesLeaveNoHoles) {
  expect_sound(render_page({}));
  EXPECT_EQ(occurrences(render_page({}), "<section>"), 0U);

  Page page;
  page.classes = {"a", "b"};
  page.rows = {{"distilled", "resnet18", 0, 0, 0, 0, 0}};
  page.epochs = {{.epoch = 1, .train_loss = NAN, .learning_rate = 0.001}};
  std::string html = render_page(page);
  expect_sound(html);
  EXPECT_EQ(occurrences(html, "<section>"), 2U);
  EXPECT_EQ(occurrences(html, "class=\"chart\""), 1U);

  // Images that are gone, a resumed run that wrote an epoch twice.
  page.predictions = {{"gone.jpg", 0, 0, 0.5}, {"gone too.jpg", 1, 0, 0.5}};
  page.epochs = {{.epoch = 1, .train_loss = 2, .learning_rate = NAN},
                 {.epoch = 2, .train_loss = 1, .learning_rate = NAN},
                 {.epoch = 1, .train_loss = 2, .learning_rate = NAN}};
  html = render_page(page);
  expect_sound(html);
  EXPECT_EQ(occurrences(html, "<img "), 0U);
  EXPECT_EQ(occurrences(html, "Sample images"), 0U);
  EXPECT_EQ(occurrences(html, "class=\"hover\""), 2U);
  EXPECT_EQ(html.find("width=\"-"), std::string::npos);
}

TEST(Page, ManyClasses) {
  const testing::TestFolder folder;
  Page page = example_page(folder.path(), 102, 5);
  std::string html = render_page(page);
  expect_sound(html);
  EXPECT_EQ(occurrences(html, "class=\"matrix\""), 1U);
  EXPECT_LT(html.size(), 1'000'000U);

  for (int64_t c = 102; c < 300; ++c) page.classes.push_back("c" + std::to_string(c));
  html = render_page(page);
  expect_sound(html);
  EXPECT_EQ(occurrences(html, "class=\"matrix\""), 0U);
  EXPECT_NE(html.find("Confused most often"), std::string::npos);
}

TEST(Page, ConfusedPairsAreCounted) {
  Page page;
  page.classes = {"cat", "dog", "fox"};
  page.predictions = {
      {"1", 0, 1, 1}, {"2", 0, 1, 1}, {"3", 0, 0, 1}, {"4", 0, 0, 1}, {"5", 2, 1, 1}};
  const std::string html = render_page(page);
  EXPECT_NE(html.find("<td>cat</td><td>dog</td><td class=\"n\">2 of 4</td><td class=\"n\">50.0 "
                      "%</td></tr><tr><td>fox</td>"),
            std::string::npos);
  EXPECT_NE(html.find("cat → dog: 2 of 4 (50.0 %)"), std::string::npos);
}

TEST(Verdict, OneSentenceForEachKindOfRun) {
  Page page;
  EXPECT_EQ(verdict_of(page), "There are no results yet.");
  page.classes = {"a", "b"};
  page.predictions = {{"1", 0, 0, 1}, {"2", 1, 0, 1}};
  EXPECT_EQ(verdict_of(page), "50.0 % of the test images are classified correctly.");
  const Row teacher{"teacher", "efficientnet_lite2", 77.3, 5'000'000, 300'000'000, 9, 60},
      distilled{"distilled", "resnet18", 76.3, 2'500'000, 75'000'000, 2, 600},
      scratch{"from scratch", "resnet18", 70.1, 2'500'000, 75'000'000, 2, 600};
  page.rows = {teacher};
  EXPECT_EQ(verdict_of(page),
            "The teacher efficientnet_lite2 classifies 77.3 % of the test images correctly.");
  page.rows = {scratch};
  EXPECT_EQ(verdict_of(page),
            "The resnet18 trained from scratch classifies 70.1 % of the test images correctly.");
  page.rows = {teacher, distilled, scratch};
  EXPECT_EQ(verdict_of(page),
            "The distilled resnet18 classifies 76.3 % of the test images correctly: 1.0 point "
            "below its teacher efficientnet_lite2 (77.3 "
            "%), 6.2 points above the resnet18 "
            "trained from scratch (70.1 %), with 2.0× fewer parameters and 4.0× fewer "
            "multiply-adds than the teacher.");
  page.rows = {teacher, distilled};
  page.rows[1].accuracy = 77.31;
  page.rows[1].parameters = page.rows[1].multiply_adds = 0;
  EXPECT_EQ(verdict_of(page),
            "The distilled resnet18 classifies 77.3 % of the test images correctly: level with its "
            "teacher efficientnet_lite2 (77.3 %).");
}

}  // namespace
}  // namespace retort::report
