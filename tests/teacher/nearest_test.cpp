#include "retort/teacher/nearest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/support/folder.h"

namespace retort::teacher {
namespace {

constexpr int64_t kDim = 8;

// Features of a class: along its own axis, turned slightly towards another. Strangers lie along
// none of the classes' axes.
at::Tensor feature(int64_t axis, double aside, int64_t towards) {
  at::Tensor row = at::zeros({kDim});
  row[axis] = 1;
  row[towards] = aside;
  return row;
}

class NearestTest : public ::testing::Test {
 protected:
  FeatureParts parts_of(const std::string& name, const std::vector<at::Tensor>& rows) {
    const at::Tensor all = at::stack(rows);
    Meter meter(null_log(), "test", all.size(0));
    return FeatureParts::open(
        folder_ / name, name, all.size(0), kDim,
        [&](int64_t first, int64_t count) { return all.narrow(0, first, count); }, meter,
        never_stop());
  }
  Points points_of(const std::string& name, const std::vector<at::Tensor>& rows) {
    return {{parts_of(name, rows)}, {1}, static_cast<int64_t>(rows.size())};
  }
  // Three classes of four images each.
  Task task() {
    std::vector<at::Tensor> rows;
    std::vector<int64_t> labels;
    for (int64_t label = 0; label < 3; ++label)
      for (int64_t i = 0; i < 4; ++i) {
        rows.push_back(feature(label, 0.3 + 0.05 * static_cast<double>(i), 3));
        labels.push_back(label);
      }
    return {points_of("task", rows).rows(0, 12), at::tensor(labels), 3};
  }

  testing::TestFolder folder_;
};

TEST_F(NearestTest, ProductsAreMeansOfCosines) {
  const FeatureParts one = parts_of("one", {feature(0, 0, 1), feature(1, 0, 0) * 5}),
                     other = parts_of("other", {feature(0, 1, 1), feature(0, 0, 1) * 3});
  const Points points({one, other}, {0.25, 0.75}, 2);
  const at::Tensor both = points.rows(0, 2);
  EXPECT_EQ(both.size(1), 2 * kDim);
  EXPECT_TRUE(at::allclose(both.norm(2, 1), at::ones({2}), 1e-3));
  EXPECT_NEAR(at::dot(both[0], both[1]).item<double>(), 0.75 / std::sqrt(2.0), 1e-3);
}

TEST_F(NearestTest, TheNearestAreTakenBalancedAndWithoutTwins) {
  std::vector<at::Tensor> pile;
  std::vector<bool> of_task;
  const auto add = [&](const at::Tensor& row, bool own) {
    pile.push_back(row);
    of_task.push_back(own);
  };
  // Many of class 0, some of class 1, one of class 2; nine tenths are strangers.
  for (int64_t i = 0; i < 8; ++i) add(feature(0, 0.6 - 0.1 * static_cast<double>(i), 4), true);
  for (int64_t i = 0; i < 3; ++i) add(feature(1, 0.6 - 0.3 * static_cast<double>(i), 4), true);
  add(feature(2, 0.4, 4), true);
  for (int64_t i = 0; i < 108; ++i)
    add(feature(5, 0.01 * static_cast<double>(i), i % 2 == 0 ? 6 : 7), false);
  add(task().points[0], false);  // the task's own image
  add(pile[3] * 1.001, true);    // one picture twice
  const Points pictures = points_of("pile", pile);
  const Task held = task();
  const Nearness nearness = nearness_of(pictures, held);
  EXPECT_EQ(nearness.nearest[9].item<int64_t>(), 1);
  EXPECT_EQ(nearness.nearest[11].item<int64_t>(), 2);
  EXPECT_GT(nearness.closest[120].item<float>(), 0.999);

  const Limits limits{.home = 0.7, .twin = 0.98};
  const Selection six = select_nearest(pictures, nearness, limits, 3, 6);
  EXPECT_EQ(six.per_class, (std::vector<int64_t>{3, 2, 1}));
  EXPECT_EQ(six.at_home, 6);
  for (const int64_t picture : six.pictures)
    EXPECT_TRUE(of_task[static_cast<size_t>(picture)]) << picture;
  const Selection again = select_nearest(pictures, nearness, limits, 3, 6);
  EXPECT_EQ(again.pictures, six.pictures);

  // This is more than resembles the task: the rest is filled up, without twins.
  const Selection all = select_nearest(pictures, nearness, limits, 3, 1000);
  EXPECT_EQ(all.twins + std::ssize(all.pictures), std::ssize(pile));
  EXPECT_LT(all.at_home, 13);
  const std::set<int64_t> kept(all.pictures.begin(), all.pictures.end());
  EXPECT_FALSE(kept.contains(120));
  EXPECT_TRUE(kept.contains(3) != kept.contains(121));
}

TEST_F(NearestTest, TheTaskSaysHowNearIsNear) {
  const Task held = task();
  const Limits limits = limits_of(held);
  EXPECT_GT(limits.home, 0.95);
  EXPECT_GT(limits.twin, limits.home);
  EXPECT_LT(limits.twin, 1);
  const Nearness strangers = nearness_of(points_of("strangers", {feature(5, 0.1, 6)}), held);
  EXPECT_LT(strangers.score[0].item<double>(), limits.home);
  // A class of one image has no neighbours of its own.
  EXPECT_LT(limits_of({held.points.narrow(0, 3, 2), at::tensor({int64_t{0}, int64_t{1}}), 2}).home,
            1);
  // Where all images are close together, twins are closer still.
  std::vector<at::Tensor> close;
  for (int64_t i = 0; i < 12; ++i) close.push_back(feature(0, 0.01 * static_cast<double>(i), 3));
  EXPECT_GT(limits_of({points_of("close", close).rows(0, 12), held.labels, 3}).twin, 0.99999);
}

}  // namespace
}  // namespace retort::teacher
