#include "retort/train/batches.h"

#include <gtest/gtest.h>

#include <map>

#include "retort/data/extra.h"
#include "tests/support/folder.h"
#include "tests/support/pictures.h"

namespace retort::train {
namespace {

// Ten images of two classes, and a pile of seven images of one of them.
class BatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_pictures(folder_ / "data", "train", 2, 5);
    testing::write_pictures(folder_ / "pile", "train", 1, 7);
    spec_.size = 32;
    own_.emplace(open(data::load_extra(folder_ / "data", {"class 0", "class 1"})));
    pile_.emplace(open(data::load_extra(folder_ / "pile", {"class 0", "class 1"})));
  }
  data::ImageStore open(const data::Manifest& manifest) {
    return data::ImageStore::open(folder_ / "cache", manifest, manifest.of(data::Split::train),
                                  data::bounded(320), {});
  }
  Batches batches(const std::vector<Source>& extras, int64_t batch_size, int64_t views = 0) {
    std::vector<Source> sources{{.images = &*own_}};
    sources.insert(sources.end(), extras.begin(), extras.end());
    return {sources,
            {},
            spec_,
            nullptr,
            {.batch_size = batch_size, .seed = 5, .view_seed = 1, .views = views}};
  }

  testing::TestFolder folder_;
  data::InputSpec spec_;
  std::optional<data::ImageStore> own_, pile_;
};

std::map<int64_t, int> counted(const Batches& batches) {
  std::map<int64_t, int> seen;
  for (int64_t b = 0; b < batches.count(); ++b) {
    const at::Tensor ids = batches.batch(b).step.image_ids;
    for (int64_t i = 0; i < ids.size(0); ++i) ++seen[ids[i].item<int64_t>()];
  }
  return seen;
}

TEST_F(BatchesTest, EveryImageOnceAnEpochInAnotherOrder) {
  Batches b = batches({}, 4);
  EXPECT_EQ(b.images(), 10);
  EXPECT_EQ(b.count(), 3);  // near-equal: 3, 3 and 4
  b.start_epoch(0);
  const at::Tensor first = b.batch(0).step.image_ids;
  EXPECT_EQ(counted(b).size(), 10U);
  b.start_epoch(1);
  EXPECT_EQ(counted(b).size(), 10U);
  EXPECT_FALSE(at::equal(b.batch(0).step.image_ids, first));
  EXPECT_FALSE(b.batch(0).step.logit_rows.defined());
}

TEST_F(BatchesTest, AnExtraSourceHasItsShareInEveryBatchAndIsGoneThroughEvenly) {
  Batches b =
      batches({{.images = &*pile_, .each_epoch = 5, .labelled = false, .logits = false}}, 5);
  EXPECT_EQ(b.images(), 15);
  EXPECT_EQ(b.count(), 3);
  std::map<int64_t, int> of_pile;
  for (int64_t epoch = 0; epoch < 7; ++epoch) {
    b.start_epoch(epoch);
    for (int64_t n = 0; n < b.count(); ++n) {
      const Batches::Batch batch = b.batch(n);
      const at::Tensor from_pile = batch.step.image_ids.ge(10);
      const auto share = from_pile.sum().item<int64_t>();
      EXPECT_TRUE(share == 1 || share == 2);
      EXPECT_TRUE(at::equal(batch.step.labels.lt(0), from_pile));
      EXPECT_TRUE(at::equal(batch.step.logit_rows.logical_not(), from_pile));
      EXPECT_EQ(batch.images.sizes(), (at::IntArrayRef{batch.step.labels.size(0), 3, 32, 32}));
    }
    for (const auto& [id, times] : counted(b))
      if (id >= 10) of_pile[id] += times;
  }
  ASSERT_EQ(of_pile.size(), 7U);
  for (const auto& [id, times] : of_pile)
    EXPECT_EQ(times, 5) << id;  // 7 epochs of 5 are 5 passes over 7
}

TEST_F(BatchesTest, TrustedLabelsAreSeen) {
  const Source trusted{.images = &*pile_, .each_epoch = 7};
  Batches b = batches({trusted}, 17);
  b.start_epoch(0);
  const losses::StepView step = b.batch(0).step;
  EXPECT_TRUE(step.labels.ge(0).all().item<bool>());
  EXPECT_TRUE(step.logit_rows.all().item<bool>());
  const at::Tensor labels = labels_of({{.images = &*own_}, trusted});
  EXPECT_TRUE(at::equal(labels.index_select(0, step.image_ids), step.labels));
}

TEST_F(BatchesTest, TheLabelsOfAnUntrustedSourceAreHidden) {
  const at::Tensor labels = labels_of({{.images = &*own_}, {.images = &*pile_, .labelled = false}});
  EXPECT_EQ(labels.size(0), 17);
  EXPECT_TRUE(labels.narrow(0, 10, 7).eq(data::kUnlabelled).all().item<bool>());
}

TEST_F(BatchesTest, AnImageIsAFreshViewOrOneOfTheGivenNumber) {
  const auto pixels = [](Batches b, int64_t epoch) {
    b.start_epoch(epoch);
    const Batches::Batch batch = b.batch(0);
    return batch.images.index_select(0, batch.step.image_ids.argsort());
  };
  EXPECT_FALSE(at::equal(pixels(batches({}, 10), 0), pixels(batches({}, 10), 2)));
  EXPECT_TRUE(at::equal(pixels(batches({}, 10, 2), 0), pixels(batches({}, 10, 2), 2)));
}

}  // namespace
}  // namespace retort::train
