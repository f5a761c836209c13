#include "retort/data/batch.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <array>
#include <limits>

#include "retort/core/error.h"
#include "tests/data/photos.h"
#include "tests/data/picture.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

using testing::photos;
using testing::TestFolder;

InputSpec small_spec() {
  InputSpec spec;
  spec.size = 16;
  return spec;
}

ImageStore store_of(const TestFolder& folder, const Manifest& manifest,
                    const Preparation& preparation, double max_skipped = 0.05) {
  return ImageStore::open(folder / "cache", manifest, manifest.of(Split::train), preparation,
                          {max_skipped});
}

at::Tensor normalized(const Image& image, const InputSpec& spec) {
  return normalize(
      at::tensor(at::ArrayRef<uint8_t>(image.rgb)).reshape({1, image.height, image.width, 3}),
      spec)[0];
}

TEST(Batch, IsItsViewsNormalised) {
  const TestFolder folder;
  const Manifest manifest = photos(folder, 8);
  const ImageStore store = store_of(folder, manifest, bounded(64));
  const InputSpec spec = small_spec();
  const ViewRecipe recipe;
  const std::array<Sample, 4> samples{{{3, 0}, {3, 1}, {7, 5}, {0, 0}}};
  const at::Tensor batch = render_batch(store, samples, recipe, 11, spec);
  EXPECT_TRUE(batch.is_contiguous(at::MemoryFormat::ChannelsLast));
  ASSERT_EQ(batch.sizes(), at::IntArrayRef({4, 3, 16, 16}));
  for (size_t i = 0; i < samples.size(); ++i) {
    const ImageView image = store.image(samples[i].position);
    const View view = draw_view(recipe, image.width, image.height, 11,
                                store.seed(samples[i].position), samples[i].view);
    EXPECT_TRUE(
        batch[static_cast<int64_t>(i)].equal(normalized(render_view(image, view, spec), spec)))
        << i;
  }
  EXPECT_FALSE(batch[0].equal(batch[1]));
  EXPECT_FALSE(batch.equal(render_batch(store, samples, recipe, 12, spec)));
  EXPECT_TRUE(batch.equal(render_batch(store, samples, recipe, 11, spec)));
}

TEST(Batch, ViewsBelongToImagesWhateverLiesBesideThem) {
  const TestFolder folder;
  Manifest manifest = photos(folder, 6);
  for (const Preparation& preparation : {bounded(64), in_files()}) {
    folder.write("photos/2.jpg", "no image");
    const ImageStore skipping = store_of(folder, manifest, preparation, 0.5);
    Manifest shorter = manifest;
    shorter.items.erase(shorter.items.begin() + 2);
    const ImageStore without = store_of(folder, shorter, preparation);
    ASSERT_EQ(skipping.size(), without.size());
    EXPECT_EQ(skipping.key(), without.key());
    for (int64_t i = 0; i < without.size(); ++i) {
      const std::array<Sample, 1> sample{{{i, 1}}};
      EXPECT_TRUE(render_batch(skipping, sample, {}, 1, small_spec())
                      .equal(render_batch(without, sample, {}, 1, small_spec())))
          << i;
    }
  }
}

TEST(Batch, EvaluationImagesInOrder) {
  const TestFolder folder;
  const Manifest manifest = photos(folder, 8);
  const InputSpec spec = small_spec();
  const ImageStore store = store_of(folder, manifest, for_evaluation(spec));
  const at::Tensor batch = eval_batch(store, 2, 5, spec);
  ASSERT_EQ(batch.size(0), 5);
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_TRUE(
        batch[i].equal(normalized(render_eval(decode_file(manifest.file(2 + i)), spec), spec)));
  EXPECT_EQ(eval_batch(store, 8, 0, spec).size(0), 0);
}

TEST(Batch, Labels) {
  const TestFolder folder;
  const Manifest manifest = photos(folder, 5);
  const ImageStore store = store_of(folder, manifest, bounded(64));
  const std::array<Sample, 3> samples{{{3, 0}, {2, 1}, {1, 5}}};
  EXPECT_TRUE(labels_of(store, samples).equal(at::tensor({1, 0, 1}, at::kLong)));
  EXPECT_TRUE(labels_of(store).equal(at::tensor({0, 1, 0, 1, 0}, at::kLong)));
}

TEST(Batch, PositionsAndStoresThatDoNotFit) {
  const TestFolder folder;
  const Manifest manifest = photos(folder, 5);
  const ImageStore store = store_of(folder, manifest, bounded(64));
  for (const int64_t position : {int64_t{-1}, int64_t{5}, std::numeric_limits<int64_t>::max()}) {
    const std::array<Sample, 1> samples{{{position, 0}}};
    const std::string message =
        "1 images from position " + std::to_string(position) + " on are not in a store of 5";
    EXPECT_ERROR(render_batch(store, samples, {}, 1, small_spec()), message);
    EXPECT_ERROR(labels_of(store, samples), message);
    EXPECT_ERROR(eval_batch(store, position, 1, small_spec()), message);
  }
  EXPECT_ERROR(eval_batch(store, 0, 6, small_spec()), "6 images from position 0 on are not in");
  EXPECT_ERROR(eval_batch(store, 0, 2, small_spec()), "were not prepared for evaluation");
}

}  // namespace
}  // namespace retort::data
