#include "retort/data/augment.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "retort/core/error.h"
#include "retort/core/safetensors.h"
#include "retort/data/view.h"
#include "retort/data/warp.h"
#include "tests/data/folder.h"
#include "tests/data/picture.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

constexpr DiffAugmentMode kSingle = DiffAugmentMode::single, kMultiple = DiffAugmentMode::multiple;

constexpr const char* kAll = "flip,color,crop,rotate,scale,cutout";

const StateDict& public_augmentations() {
  static const StateDict tensors =
      read_safetensors(testing::fixture("augment.safetensors")).tensors;
  return tensors;
}

// The whole picture, augmented and rendered at this size.
Image rendered(const std::vector<AugmentStep>& steps, int64_t size) {
  View view{0, 0, source().height, source().width};
  view.augment = steps;
  InputSpec spec;
  spec.size = size;
  return render_view(source(), view, spec);
}

// A grey image with the values value(x, y).
template <typename Value>
Planes painted(int64_t width, int64_t height, const Value& value) {
  std::vector<uint8_t> rgb;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) rgb.insert(rgb.end(), 3, static_cast<uint8_t>(value(x, y)));
  }
  return {rgb.data(), width, height};
}

std::vector<AugmentStep> drawn(const AugmentRecipe& recipe, uint64_t number) {
  CounterRng rng{5, 6, number};
  return draw_augment(recipe, rng);
}

TEST(Augment, RandAugmentAgreesWithTorchvision) {
  const at::Tensor& table = public_augmentations().at("rands");
  ASSERT_GT(table.size(0), 20);
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* row = table[i].const_data_ptr<int64_t>();
    std::vector<AugmentStep> steps;
    for (int64_t k = 1; k + 2 < table.size(1) && row[k] >= 0; k += 3)
      steps.push_back(
          rand_augment_step(static_cast<AugmentOp>(row[k]), row[k + 1], row[k + 2] != 0));
    const double off =
        difference(rendered(steps, row[0]), public_augmentations().at("rand_" + std::to_string(i)));
    RecordProperty("rand_" + std::to_string(i), std::to_string(off));
    EXPECT_LT(off, 0.15) << "operation " << row[1] << " at " << row[2];
    EXPECT_GT(
        difference(rendered({}, row[0]), public_augmentations().at("rand_" + std::to_string(i))),
        0.4)
        << "operation " << row[1] << " shows";
  }
}

TEST(Augment, DiffAugmentAgreesWithItsEquations) {
  const at::Tensor& table = public_augmentations().at("diffs");
  ASSERT_GT(table.size(0), 10);
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* row = table[i].const_data_ptr<double>();
    const AugmentStep step{
        static_cast<AugmentOp>(row[1]),
        {static_cast<float>(row[2]), static_cast<float>(row[3]), static_cast<float>(row[4])}};
    const double off = difference(rendered({step}, static_cast<int64_t>(row[0])),
                                  public_augmentations().at("diff_" + std::to_string(i)));
    RecordProperty("diff_" + std::to_string(i), std::to_string(off));
    EXPECT_LT(off, 0.15) << "operation " << row[1];
  }
}

TEST(Augment, RecipesWithoutItKeepTheirKeyAndTheirViews) {
  // This was the key of stored teacher outputs before there was augmentation.
  EXPECT_EQ(ViewRecipe{}.key(),
            "random-resized-crop 0.34999999999999998 1 0.75 1.3333333333333333 0.5 "
            "0.20000000000000001 0.20000000000000001 "
            "0.20000000000000001 0");
  ViewRecipe plain, other = plain;
  other.augment.randaugment_magnitude = 3;  // without effect, since there are no operations
  other.augment.diffaugment_mode = kMultiple;
  EXPECT_EQ(other.key(), plain.key());
  const View before = draw_view(plain, 200, 160, 1, 2, 3);
  EXPECT_TRUE(before.augment.empty());
  ViewRecipe augmented;
  augmented.augment = {kAll, kMultiple, 2, 9};
  const View after = draw_view(augmented, 200, 160, 1, 2, 3);
  EXPECT_FALSE(after.augment.empty());
  EXPECT_EQ((std::tuple{before.top, before.left, before.height, before.width, before.flip,
                        before.contrast, before.order}),
            (std::tuple{after.top, after.left, after.height, after.width, after.flip,
                        after.contrast, after.order}));
}

TEST(Augment, KeyHoldsEveryField) {
  std::set<std::string> keys;
  for (const AugmentRecipe& augment : {AugmentRecipe{},
                                       {"", kSingle, 1, 9},
                                       {"", kSingle, 2, 9},
                                       {"", kSingle, 2, 10},
                                       {"flip", kSingle},
                                       {"flip", kMultiple},
                                       {"crop,flip", kMultiple},
                                       {"flip,crop", kMultiple},
                                       {"flip", kSingle, 1, 9}}) {
    ViewRecipe recipe;
    recipe.augment = augment;
    keys.insert(recipe.key());
  }
  EXPECT_EQ(keys.size(), 9U);
}

TEST(Augment, UnknownRequestsAreRefused) {
  const auto error = [](const AugmentRecipe& recipe) {
    return testing::error_of<UsageError>([&] { check(recipe); });
  };
  const auto expect = [](const std::string& message, const char* part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect(error({"flip,blur"}), "'blur'");
  expect(error({"flip,,crop"}), "''");
  expect(error({"flip,crop,flip"}), "twice");
  expect(error({"", kSingle, -1}), "[0, 16]");
  expect(error({"", kSingle, 17}), "[0, 16]");
  expect(error({"", kSingle, 1, 31}), "[0, 30]");
  EXPECT_NO_THROW(check({kAll, kMultiple, 16, 30}));
  EXPECT_USAGE_ERROR(drawn({"flop"}, 0), "'flop'");
  EXPECT_ERROR(rand_augment_step(AugmentOp::diff_flip, 9, false), "is no operation or magnitude");
  EXPECT_ERROR(rand_augment_step(AugmentOp::rotate, 31, false), "is no operation or magnitude");
}

TEST(Augment, DrawsArePure) {
  const AugmentRecipe recipe{kAll, kMultiple, 3, 9};
  EXPECT_EQ(drawn(recipe, 7), drawn(recipe, 7));
  EXPECT_NE(drawn(recipe, 7), drawn(recipe, 8));
}

TEST(Augment, RandAugmentDrawsEveryOperationBothWays) {
  constexpr int kDraws = 7000;
  std::map<AugmentOp, int> seen;
  int negative = 0, with_sign = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<AugmentStep> steps = drawn({"", kSingle, 2, 9}, static_cast<uint64_t>(i));
    ASSERT_EQ(steps.size(), 2U);
    for (const AugmentStep& step : steps) {
      ++seen[step.op];
      if (step.op != AugmentOp::rotate) continue;
      ASSERT_FLOAT_EQ(std::abs(step.values[0]), 9);
      negative += step.values[0] < 0;
      ++with_sign;
    }
  }
  EXPECT_EQ(seen.size(), 14U);
  for (const auto& [op, count] : seen) EXPECT_NEAR(count, 1000, 130) << static_cast<int>(op);
  EXPECT_NEAR(static_cast<double>(negative) / with_sign, 0.5, 0.06);
}

TEST(Augment, SingleDrawsOneOperationAndMultipleAllInOrder) {
  std::map<AugmentOp, int> seen;
  for (uint64_t i = 0; i < 6000; ++i) {
    const std::vector<AugmentStep> steps = drawn({kAll}, i);
    ASSERT_LE(steps.size(), 1U);
    if (!steps.empty()) ++seen[steps[0].op];
  }
  EXPECT_EQ(seen.size(), 6U);
  for (const auto& [op, count] : seen)
    EXPECT_NEAR(count, op == AugmentOp::diff_flip ? 500 : 1000, 110) << static_cast<int>(op);
  for (uint64_t i = 0; i < 100; ++i) {
    std::vector<AugmentOp> ops;
    for (const AugmentStep& step : drawn({"scale,flip,color", kMultiple}, i))
      ops.push_back(step.op);
    if (ops.size() == 3) {
      EXPECT_EQ(ops,
                (std::vector{AugmentOp::diff_scale, AugmentOp::diff_flip, AugmentOp::diff_color}));
    } else {
      EXPECT_EQ(ops, (std::vector{AugmentOp::diff_scale, AugmentOp::diff_color}));
    }
  }
}

TEST(Augment, DrawnValuesStayInTheirRanges) {
  std::map<AugmentOp, std::pair<float, float>> range;  // of value 0 of each operation
  for (uint64_t i = 0; i < 3000; ++i) {
    for (const AugmentStep& step : drawn({kAll, kMultiple}, i)) {
      auto& [low, high] = range.try_emplace(step.op, step.values[0], step.values[0]).first->second;
      low = std::min(low, step.values[0]);
      high = std::max(high, step.values[0]);
    }
  }
  const auto expect = [&](AugmentOp op, float low, float high) {
    const float slack = 0.01F * (high - low);
    EXPECT_GE(range.at(op).first, low);
    EXPECT_LE(range.at(op).first, low + slack);
    EXPECT_LE(range.at(op).second, high);
    EXPECT_GE(range.at(op).second, high - slack);
  };
  expect(AugmentOp::diff_color, -0.5F, 0.5F);
  expect(AugmentOp::diff_crop, -0.125F, 0.125F);
  expect(AugmentOp::diff_rotate, -15, 15);
  expect(AugmentOp::diff_scale, 1 / 1.2F, 1.2F);
  expect(AugmentOp::diff_cutout, 0, 1);
}

// A view rendered at twice the size and reduced is nearly the view itself, since drawn values do
// not depend on the resolution. Crops move by whole pixels; these values are whole pixels at both
// sizes.
TEST(Augment, ModelsOfOtherResolutionsSeeTheSame) {
  for (const auto op : {AugmentOp::shear_x, AugmentOp::shear_y, AugmentOp::translate_x,
                        AugmentOp::translate_y, AugmentOp::rotate}) {
    const AugmentStep step = rand_augment_step(op, 12, true);
    const Image small = rendered({step}, 64),
                large = resize(rendered({step}, 128), 64, 64, Interpolation::bilinear);
    double sum = 0;
    for (size_t i = 0; i < small.rgb.size(); ++i) sum += std::abs(small.rgb[i] - large.rgb[i]);
    EXPECT_LT(sum / static_cast<double>(small.rgb.size()), 8) << static_cast<int>(op);
  }
  for (const AugmentStep& step : {AugmentStep{AugmentOp::diff_crop, {0.109375F, -0.0625F}},
                                  {AugmentOp::diff_rotate, {14}},
                                  {AugmentOp::diff_scale, {1.2F, 0.84F}},
                                  {AugmentOp::diff_cutout, {0.3F, 0.8F}}}) {
    const Image small = rendered({step}, 64),
                large = resize(rendered({step}, 128), 64, 64, Interpolation::bilinear);
    double sum = 0;
    for (size_t i = 0; i < small.rgb.size(); ++i) sum += std::abs(small.rgb[i] - large.rgb[i]);
    EXPECT_LT(sum / static_cast<double>(small.rgb.size()), 5) << static_cast<int>(step.op);
  }
}

TEST(Augment, WhatLiesOutsideIsFilled) {
  Planes image = painted(20, 20, [](int64_t, int64_t) { return 200; });
  augment(image, std::vector<AugmentStep>{{AugmentOp::translate_x, {0.5F}}});
  EXPECT_EQ(image.channel(0)[9], 0);
  EXPECT_EQ(image.channel(0)[10], 200);
  Planes cut = painted(20, 20, [](int64_t, int64_t) { return 200; });
  augment(cut, std::vector<AugmentStep>{{AugmentOp::diff_cutout, {0, 0}}});
  EXPECT_EQ(std::count(cut.channel(0), cut.channel(0) + 400, 124),
            25);  // a quarter of 10 × 10 lies inside
  EXPECT_EQ(std::count(cut.channel(2), cut.channel(2) + 400, 104), 25);
  Planes moved = painted(20, 20, [](int64_t x, int64_t) { return x; });
  augment(moved, std::vector<AugmentStep>{{AugmentOp::diff_crop, {0.1F, 0}}});
  EXPECT_EQ(moved.channel(0)[0], 2);
  EXPECT_EQ(moved.channel(1)[19], 116);
}

TEST(Augment, FlatImagesAndWildMatrices) {
  for (const auto op :
       {AugmentOp::autocontrast, AugmentOp::equalize, AugmentOp::identity, AugmentOp::sharpness}) {
    Planes flat = painted(16, 16, [](int64_t, int64_t) { return 77; });
    augment(flat, std::vector<AugmentStep>{rand_augment_step(op, 9, false)});
    EXPECT_EQ(std::count(flat.channel(1), flat.channel(1) + 256, 77), 256) << static_cast<int>(op);
  }
  for (const float wild : {1e30F, -1e30F, INFINITY, NAN}) {
    for (const Sampling sampling : {Sampling::nearest, Sampling::bilinear}) {
      Planes image = painted(4, 4, [](int64_t, int64_t) { return 9; });
      warp(image, {.x0 = wild}, sampling, {1, 2, 3});
      EXPECT_EQ(image.channel(2)[5], 3);
    }
  }
}

}  // namespace
}  // namespace retort::data
