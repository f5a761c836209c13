#include "retort/teacher/joint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"
#include "retort/data/manifest.h"
#include "retort/models/registry.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/support/pictures.h"

namespace retort::teacher {
namespace {

class JointTest : public ::testing::Test {
 protected:
  JointTest() {
    testing::write_pictures(folder_ / "data", "train", 3, 6);
    manifest_ = data::load_manifest(folder_ / "data");
    images_.emplace(data::ImageStore::open(
        folder_ / "cache", manifest_, manifest_.of(data::Split::train), data::bounded(320), {}));
    for (const char* arch : {"resnet18", "shufflenet_v2_x0_5"}) {
      StateDict state = models::state_of(*models::make_model({arch, 3}));
      testing::formula_fill(state);
      write_safetensors(folder_ / arch, state);
      teachers_.emplace_back(TeacherSource{.weights = folder_ / arch, .size = 32},
                             models::Precision::fp32);
    }
  }
  OutputStore store(size_t teacher, int64_t views) {
    return OutputStore::open(folder_ / "cache", teachers_[teacher], *images_, {}, {.views = views});
  }

  testing::TestFolder folder_;
  data::Manifest manifest_;
  std::optional<data::ImageStore> images_;
  std::vector<Teacher> teachers_;
};

TEST_F(JointTest, LogitsAreTheMeanByWeightAndNormsAreShared) {
  const std::vector<double> weights = {0.75, 0.25};
  const std::vector<OutputStore> stores = {store(0, 2), store(1, 3)};
  const std::vector<double> scales = joint_scales(stores, weights);
  const JointOutputs joint(stores, scales);
  EXPECT_EQ(joint.views(), 2);
  const std::vector<data::Sample> samples = {{4, 1}, {0, 0}, {7, 2}},
                                  shown = {{4, 1},
                                           {0, 0},
                                           {7, 0}};  // with two views, the third is the first
  const at::Tensor features = joint.features(samples);
  EXPECT_ERROR(joint_head(teachers_, weights, scales), "a teacher has no head yet");
  for (Teacher& teacher : teachers_) teacher.keep_head({"a", "b", "c"});
  const JointHead head = joint_head(teachers_, weights, scales);
  EXPECT_EQ(features.size(1), head.feature_dim());
  const at::Tensor expected = teachers_[0].logits(stores[0].features(shown)) * 0.75 +
                              teachers_[1].logits(stores[1].features(shown)) * 0.25;
  EXPECT_TRUE(at::allclose(head.logits(features), expected, 1e-4, 1e-4));

  std::vector<data::Sample> all;
  for (int64_t i = 0; i < images_->size(); ++i) all.push_back({i, 0});
  const auto square = [](const at::Tensor& rows) {
    return rows.square().sum(1).mean().item<double>();
  };
  const at::Tensor rows = joint.features(all);
  const int64_t first = teachers_[0].feature_dim();
  EXPECT_NEAR(square(rows.narrow(1, 0, first)) / square(rows), 0.75, 1e-4);
  EXPECT_NEAR(square(rows) /
                  (0.75 * square(stores[0].features(all)) + 0.25 * square(stores[1].features(all))),
              1, 1e-4);
}

TEST_F(JointTest, OneTeacherStaysAsItIs) {
  teachers_.pop_back();
  teachers_[0].keep_head({"a", "b", "c"});
  const std::vector<double> one = {1};
  const JointOutputs joint({store(0, 2)}, joint_scales({store(0, 2)}, one));
  const std::vector<data::Sample> samples = {{4, 1}, {0, 0}};
  EXPECT_TRUE(at::equal(joint.features(samples), joint.of(0).features(samples)));
  const JointHead head = joint_head(teachers_, one, one);
  EXPECT_TRUE(at::equal(head.weight, teachers_[0].head_weight()));
  EXPECT_EQ(head.key, teachers_[0].key());
}

}  // namespace
}  // namespace retort::teacher
