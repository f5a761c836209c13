#include "retort/data/mix.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <array>
#include <set>

#include "retort/data/batch.h"
#include "tests/data/photos.h"

namespace retort::data {
namespace {

using testing::photos;
using testing::TestFolder;

TEST(Mix, SharesFollowBeta) {
  for (const double alpha : {0.2, 1.0, 4.0}) {
    double sum = 0, squares = 0;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) {
      const double share = draw_mix({.mixup = alpha}, 3, i, 0, 10).share;
      sum += share;
      squares += (share - 0.5) * (share - 0.5);
    }
    EXPECT_NEAR(sum / kDraws, 0.5, 0.01) << alpha;
    EXPECT_NEAR(squares / kDraws, 1 / (4 * (2 * alpha + 1)), 0.004) << alpha;  // Beta's variance
  }
}

TEST(Mix, IsAFunctionOfItsKey) {
  const MixRecipe recipe{.mixup = 1, .cutmix = 1};
  std::set<int64_t> partners;
  int cuts = 0;
  for (int64_t number = 0; number < 200; ++number) {
    const Mix a = draw_mix(recipe, 1, 7, number, 10), b = draw_mix(recipe, 1, 7, number, 10);
    EXPECT_EQ(a.partner, b.partner);
    EXPECT_EQ(a.share, b.share);
    EXPECT_GE(a.share, 0);
    EXPECT_LE(a.share, 1);
    cuts += a.cut;
    partners.insert(a.partner);
  }
  EXPECT_EQ(partners.size(), 10U);
  EXPECT_NEAR(cuts, 100, 35);
  EXPECT_TRUE(MixRecipe{}.key().empty());
  EXPECT_NE((MixRecipe{.mixup = 1}).key(), (MixRecipe{.cutmix = 1}).key());
}

TEST(Mix, ARectangleIsOnTheSamePlaceAtEachResolution) {
  const Mix mix{.share = 0.75, .cut = true, .top = 0.25, .left = 0.5, .bottom = 0.75, .right = 1};
  for (const int64_t side : {8, 64}) {
    const std::vector<uint8_t> dark(static_cast<size_t>(3 * side * side), 10),
        light(dark.size(), 200);
    Planes image(dark.data(), side, side);
    const Planes partner(light.data(), side, side);
    blend(image, partner, mix);
    int64_t pasted = 0;
    for (int64_t y = 0; y < side; ++y)
      for (int64_t x = 0; x < side; ++x) {
        const bool inside = y >= side / 4 && y < 3 * side / 4 && x >= side / 2;
        for (int64_t c = 0; c < 3; ++c)
          EXPECT_EQ(image.channel(c)[y * side + x], inside ? 200 : 10);
        pasted += inside;
      }
    EXPECT_EQ(pasted * 4, side * side);
  }
}

TEST(Mix, ABatchIsItsTwoViewsAndBothLabels) {
  const TestFolder folder;
  const Manifest manifest = photos(folder, 8);
  const ImageStore store =
      ImageStore::open(folder / "cache", manifest, manifest.of(Split::train), bounded(64), {});
  InputSpec spec;
  spec.size = 16;
  ViewRecipe plain, mixing;
  mixing.mix.mixup = 1;
  const std::array<Sample, 3> samples{{{3, 0}, {3, 1}, {6, 4}}};
  const at::Tensor mixed = render_batch(store, samples, mixing, 5, spec),
                   own = render_batch(store, samples, plain, 5, spec);
  const MixedLabels labels = mixed_labels(store, samples, mixing, 5);
  for (int64_t i = 0; i < 3; ++i) {
    const Sample& sample = samples[static_cast<size_t>(i)];
    const Mix mix = draw_mix(mixing.mix, 5, store.seed(sample.position), sample.view, store.size());
    const std::array<Sample, 1> other{{{mix.partner, sample.view}}};
    const at::Tensor expected =
        mix.share * own[i] + (1 - mix.share) * render_batch(store, other, plain, 5, spec)[0];
    EXPECT_LT((mixed[i] - expected).abs().max().item<double>(),
              0.51 / 255 / 0.224);  // rounded once, then divided by the deviation
    EXPECT_EQ(labels.partner[i].item<int64_t>(), store.label(mix.partner));
    EXPECT_FLOAT_EQ(labels.share[i].item<float>(), static_cast<float>(mix.share));
  }
}

}  // namespace
}  // namespace retort::data
