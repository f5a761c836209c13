#include "retort/data/view.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "retort/core/error.h"
#include "retort/core/safetensors.h"
#include "tests/data/folder.h"
#include "tests/data/picture.h"
#include "tests/support/message.h"

namespace retort::data {
namespace {

const StateDict& torchvision_views() {
  static const StateDict tensors = read_safetensors(testing::fixture("views.safetensors")).tensors;
  return tensors;
}

Interpolation mode(double number) {
  return number == 0 ? Interpolation::bilinear : Interpolation::bicubic;
}

Image top_left(int64_t width, int64_t height) {
  Image part{width, height, {}};
  for (int64_t y = 0; y < height; ++y) {
    const auto row = source().rgb.begin() + 3 * y * source().width;
    part.rgb.insert(part.rgb.end(), row, row + 3 * width);
  }
  return part;
}

TEST(View, AgreesWithTorchvision) {
  const at::Tensor& table = torchvision_views().at("views");
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* p = table[i].const_data_ptr<double>();
    View view{static_cast<int64_t>(p[0]), static_cast<int64_t>(p[1]), static_cast<int64_t>(p[2]),
              static_cast<int64_t>(p[3]), p[4] != 0};
    view.brightness = static_cast<float>(p[5]);
    view.contrast = static_cast<float>(p[6]);
    view.saturation = static_cast<float>(p[7]);
    view.hue = static_cast<float>(p[8]);
    for (size_t k = 0; k < 4; ++k) view.order[k] = static_cast<uint8_t>(p[9 + k]);
    InputSpec spec;
    spec.size = static_cast<int64_t>(p[13]);
    spec.interpolation = mode(p[14]);
    const double off = difference(render_view(source(), view, spec),
                                  torchvision_views().at("view_" + std::to_string(i)));
    RecordProperty("view_" + std::to_string(i), std::to_string(off));
    EXPECT_LT(off, 0.1) << i;
  }
}

TEST(View, EvaluationAgreesWithPil) {
  const at::Tensor& table = torchvision_views().at("evals");
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* p = table[i].const_data_ptr<double>();
    InputSpec spec;
    spec.size = static_cast<int64_t>(p[2]);
    spec.crop_ratio = p[3];
    spec.interpolation = mode(p[4]);
    const Image part = top_left(static_cast<int64_t>(p[0]), static_cast<int64_t>(p[1]));
    const double off =
        difference(render_eval(part, spec), torchvision_views().at("eval_" + std::to_string(i)));
    RecordProperty("eval_" + std::to_string(i), std::to_string(off));
    EXPECT_LT(off, 0.1) << i;
  }
}

TEST(View, ResizeAgreesWithPil) {
  const at::Tensor& table = torchvision_views().at("sizes");
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* p = table[i].const_data_ptr<double>();
    const Image resized =
        resize(source(), static_cast<int64_t>(p[0]), static_cast<int64_t>(p[1]), mode(p[2]));
    const double off = difference(resized, torchvision_views().at("resize_" + std::to_string(i)));
    RecordProperty("resize_" + std::to_string(i), std::to_string(off));
    EXPECT_LT(off, 0.1) << i;
  }
}

TEST(View, CropsAreThoseOfGetParams) {
  const at::Tensor &table = torchvision_views().at("crops"),
                   &wanted = torchvision_views().at("crop_params");
  for (int64_t i = 0; i < table.size(0); ++i) {
    const auto* p = table[i].const_data_ptr<double>();
    ViewRecipe recipe;
    recipe.scale_min = p[2];
    recipe.scale_max = p[3];
    recipe.ratio_min = p[4];
    recipe.ratio_max = p[5];
    const View view = draw_view(recipe, static_cast<int64_t>(p[0]), static_cast<int64_t>(p[1]),
                                12345, static_cast<int64_t>(p[6]), static_cast<int64_t>(p[7]));
    const auto* w = wanted[i].const_data_ptr<int64_t>();
    EXPECT_EQ((std::array{view.top, view.left, view.height, view.width}),
              (std::array{w[0], w[1], w[2], w[3]}))
        << i;
  }
}

TEST(View, DrawsFollowTheRecipe) {
  ViewRecipe recipe;
  recipe.flip = 0.3;
  recipe.turn = 0.6;
  recipe.brightness = 0.4;
  recipe.contrast = 0;
  recipe.hue = 0.1;
  constexpr int kViews = 4000;
  double flips = 0, brightness = 0, hue = 0;
  std::array<double, 4> quarters{};
  std::set<std::array<uint8_t, 4>> orders;
  for (int i = 0; i < kViews; ++i) {
    const View view = draw_view(recipe, 200, 160, 7, i / 4, i % 4);
    flips += view.flip;
    ++quarters.at(static_cast<size_t>(view.quarters));
    brightness += view.brightness;
    hue += view.hue;
    orders.insert(view.order);
    ASSERT_GE(view.brightness, 0.6F);
    ASSERT_LE(view.brightness, 1.4F);
    ASSERT_EQ(view.contrast, 1.0F);
    ASSERT_LE(std::abs(view.hue), 0.1F);
    ASSERT_GE(view.top, 0);
    ASSERT_GE(view.left, 0);
    ASSERT_LE(view.top + view.height, 160);
    ASSERT_LE(view.left + view.width, 200);
    ASSERT_GE(static_cast<double>(view.height * view.width), 0.34 * 200 * 160);
  }
  EXPECT_NEAR(flips / kViews, 0.3, 0.03);
  EXPECT_NEAR(quarters[0] / kViews, 0.4, 0.03);
  for (const size_t turned : {1, 2, 3}) EXPECT_NEAR(quarters[turned] / kViews, 0.2, 0.03);
  EXPECT_NEAR(brightness / kViews, 1, 0.02);
  EXPECT_NEAR(hue / kViews, 0, 0.005);
  EXPECT_EQ(orders.size(), 24U);
}

TEST(View, DrawsArePureAndDifferInEveryArgument) {
  const ViewRecipe recipe;
  const auto place = [&](uint64_t seed, int64_t image, int64_t number) {
    const View view = draw_view(recipe, 200, 160, seed, image, number);
    return std::array{view.top, view.left, view.height, view.width};
  };
  EXPECT_EQ(place(1, 2, 3), place(1, 2, 3));
  EXPECT_NE(place(1, 2, 3), place(2, 2, 3));
  EXPECT_NE(place(1, 2, 3), place(1, 3, 3));
  EXPECT_NE(place(1, 2, 3), place(1, 2, 4));
  EXPECT_NE(place(1, 2, 3), place(1, 3, 2));
}

TEST(View, RecipeKeyHoldsEveryField) {
  std::set<std::string> keys{ViewRecipe{}.key()};
  for (double ViewRecipe::*field :
       {&ViewRecipe::scale_min, &ViewRecipe::scale_max, &ViewRecipe::ratio_min,
        &ViewRecipe::ratio_max, &ViewRecipe::flip, &ViewRecipe::turn, &ViewRecipe::brightness,
        &ViewRecipe::contrast, &ViewRecipe::saturation, &ViewRecipe::hue}) {
    ViewRecipe recipe;
    recipe.*field = std::nextafter(recipe.*field, 2.0);
    keys.insert(recipe.key());
  }
  EXPECT_EQ(keys.size(), 11U);
}

TEST(View, TurnsAreThoseOfRot90AndChangeNothingElse) {
  ViewRecipe plain, turning;
  turning.turn = 1;
  for (const int64_t side : {32, 33}) {
    InputSpec spec;
    spec.size = side;
    std::set<int64_t> seen;
    for (int64_t number = 0; number < 16; ++number) {
      const View before = draw_view(plain, source().width, source().height, 3, 5, number);
      const View after = draw_view(turning, source().width, source().height, 3, 5, number);
      Image upright = render_view(source(), before, spec),
            turned = render_view(source(), after, spec);
      const auto pixels = [&](Image& image) {
        return at::from_blob(image.rgb.data(), {side, side, 3}, at::kByte);
      };
      EXPECT_TRUE(at::equal(pixels(turned), at::rot90(pixels(upright), after.quarters)))
          << side << " " << number;
      EXPECT_EQ(before.quarters, 0);
      seen.insert(after.quarters);
    }
    EXPECT_EQ(seen, (std::set<int64_t>{1, 2, 3}));
  }
}

TEST(View, SameBytesOnAnyThreadInAnyOrder) {
  ViewRecipe recipe;
  recipe.hue = 0.1;
  InputSpec spec;
  spec.size = 48;
  constexpr int64_t kViews = 64;
  const auto render = [&](int64_t i) {
    return render_view(source(), draw_view(recipe, source().width, source().height, 3, 5, i), spec)
        .rgb;
  };
  std::vector<std::vector<uint8_t>> serial(kViews), parallel(kViews);
  for (int64_t i = kViews - 1; i >= 0; --i) serial[static_cast<size_t>(i)] = render(i);
  at::parallel_for(0, kViews, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) parallel[static_cast<size_t>(i)] = render(i);
  });
  EXPECT_EQ(serial, parallel);
  EXPECT_EQ(std::set(serial.begin(), serial.end()).size(), static_cast<size_t>(kViews));
}

// The expected values are computed in plain steps, compiled for any processor; vectorised code must
// not round differently.
TEST(View, JitterRoundsAlikeOnEveryProcessor) {
  const auto byte = [](float value) {
    return static_cast<uint8_t>(std::clamp(static_cast<int>(value), 0, 255));
  };
  const auto grey = [](const uint8_t* p) {
    const float red = static_cast<float>(p[0]) * 0.2989F, green = static_cast<float>(p[1]) * 0.587F,
                blue = static_cast<float>(p[2]) * 0.114F;
    return std::trunc(red + green + blue);
  };
  InputSpec spec;
  spec.size = 64;
  const View whole{0, 0, source().height, source().width};
  const std::vector<uint8_t> before = render_view(source(), whole, spec).rgb;
  for (const float factor : {0.3F, 0.77F, 0.913F, 1.21F, 1.63F}) {
    View brighter = whole, stronger = whole;
    brighter.brightness = factor;
    stronger.saturation = factor;
    const std::vector<uint8_t> bright = render_view(source(), brighter, spec).rgb,
                               strong = render_view(source(), stronger, spec).rgb;
    for (size_t i = 0; i < before.size(); ++i) {
      ASSERT_EQ(bright[i], byte(static_cast<float>(before[i]) * factor));
      const float own = static_cast<float>(before[i]) * factor,
                  base = grey(before.data() + i / 3 * 3) * (1.0F - factor);
      ASSERT_EQ(strong[i], byte(own + base)) << i << " " << factor;
    }
  }
}

TEST(View, OddImagesAndImpossibleRequests) {
  const Image dot{1, 1, {10, 20, 30}};
  InputSpec spec;
  spec.size = 16;
  const View all{0, 0, 1, 1};
  const Image shown = render_view(dot, all, spec);
  for (size_t i = 0; i < shown.rgb.size(); ++i) ASSERT_EQ(shown.rgb[i], 10 * (i % 3 + 1));
  const Image line{1, 400, std::vector<uint8_t>(1200, 77)};
  EXPECT_EQ(render_eval(line, spec).rgb, std::vector<uint8_t>(size_t{16} * 16 * 3, 77));
  EXPECT_ERROR(render_view(dot, View{0, 0, 2, 1}, spec), "the crop lies outside an image of 1 x 1");
  EXPECT_ERROR(render_view(dot, View{-1, 0, 1, 1}, spec),
               "the crop lies outside an image of 1 x 1");
  EXPECT_ERROR(resize(dot, 1 << 20, 1 << 20, Interpolation::bilinear), "cannot be resized to");
  EXPECT_ERROR(resize(ImageView{}, 4, 4, Interpolation::bilinear), "the image has no pixels");
  const Image needle{1, 60000, std::vector<uint8_t>(180000, 1)};
  spec.size = 224;
  EXPECT_ERROR(render_eval(needle, spec), "cannot be resized to");
}

TEST(View, NormalizeIsChannelsLastAndExact) {
  InputSpec spec;
  spec.mean = {0.1F, 0.5F, 127.0F / 255};
  spec.std = {0.2F, 1, 128.0F / 255};
  const at::Tensor pixels =
      at::arange(2 * 5 * 7 * 3).reshape({2, 5, 7, 3}).remainder(256).to(at::kByte);
  const at::Tensor out = normalize(pixels, spec);
  EXPECT_TRUE(out.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto channels = [](const std::array<float, 3>& v) {
    return at::tensor(at::ArrayRef<float>(v)).reshape({1, 3, 1, 1});
  };
  const at::Tensor wanted =
      (pixels.permute({0, 3, 1, 2}).to(at::kFloat) / 255 - channels(spec.mean)) /
      channels(spec.std);
  EXPECT_LT((out - wanted).abs().max().item<double>(), 1e-5);
  EXPECT_ERROR(normalize(pixels.to(at::kFloat), spec), "takes uint8 pixels [N, H, W, 3]");
  EXPECT_ERROR(normalize(pixels.permute({0, 3, 1, 2}), spec), "takes uint8 pixels [N, H, W, 3]");
}

}  // namespace
}  // namespace retort::data
