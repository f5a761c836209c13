#include "retort/deploy/cost.h"

#include <gtest/gtest.h>

#include "retort/models/registry.h"
#include "tests/deploy/lambda_model.h"

namespace retort::deploy {
namespace {

using models::make_model;

TEST(Cost, CountsEachLayerByHand) {
  const auto model = lambda_model(3, [](LambdaModel&, const at::Tensor& images) {
    const at::Tensor maps = at::conv2d(images, at::ones({6, 1, 3, 3}), {}, 2, 1, 1,
                                       3);  // [N, 6, 16, 16], 9 products an element
    const at::Tensor tokens = at::linear(maps.flatten(2), at::ones({8, 256}));  // [N, 6, 8], 256
    const at::Tensor mixed =
        at::scaled_dot_product_attention(tokens, tokens, tokens);         // 6·6·8, twice
    const at::Tensor gram = at::matmul(mixed, mixed.transpose(1, 2));     // [N, 6, 6], 8
    return at::addmm(at::ones({3}), gram.flatten(1), at::ones({36, 3}));  // [N, 3], 36
  });
  const int64_t expected =
      6 * 16 * 16 * 9 + 6 * 8 * 256 + 2 * 6 * 6 * 8 + 6 * 6 * 8 + 3 * 36 + 4 * 3;
  EXPECT_EQ(count_multiply_adds(*model, 32), expected);
  EXPECT_EQ(count_parameters(*model), 3 * 4 + 4);
}

struct Published {
  const char* arch;
  int64_t parameters;
  double giga_multiply_adds, tolerance;

  friend void PrintTo(const Published& published, std::ostream* out) { *out << published.arch; }
};

class PublishedCost : public ::testing::TestWithParam<Published> {};

// torchvision's tables; for MobileNetV2's other widths, EfficientNet-Lite0 and DeiT,
// torch.utils.flop_counter on torchvision's and timm's.
TEST_P(PublishedCost, IsWhatWeCount) {
  const auto model = make_model({GetParam().arch, 1000, {}});
  EXPECT_EQ(count_parameters(*model), GetParam().parameters);
  EXPECT_NEAR(static_cast<double>(count_multiply_adds(*model, 224)) / 1e9,
              GetParam().giga_multiply_adds, GetParam().tolerance);
}

INSTANTIATE_TEST_SUITE_P(Families, PublishedCost,
                         ::testing::Values(Published{"resnet18", 11689512, 1.814, 0.001},
                                           Published{"resnet50", 25557032, 4.089, 0.001},
                                           Published{"mobilenet_v2", 3504872, 0.301, 0.001},
                                           Published{"mobilenet_v2_0.35", 1677128, 0.0593, 0.0001},
                                           Published{"mobilenet_v2_0.5", 1968680, 0.0971, 0.0001},
                                           Published{"mobilenet_v2_0.75", 2636424, 0.2091, 0.0001},
                                           Published{"mobilenet_v2_1.4", 6108776, 0.5822, 0.0001},
                                           Published{"mobilenet_v3_small", 2542856, 0.057, 0.001},
                                           Published{"mobilenet_v3_large", 5483032, 0.217, 0.001},
                                           Published{"shufflenet_v2_x0_5", 1366792, 0.04, 0.001},
                                           Published{"shufflenet_v2_x1_0", 2278604, 0.145, 0.001},
                                           Published{"shufflenet_v2_x1_5", 3503624, 0.296, 0.001},
                                           Published{"shufflenet_v2_x2_0", 7393996, 0.583, 0.001},
                                           Published{"efficientnet_b0", 5288548, 0.386, 0.001},
                                           Published{"efficientnet_lite0", 4652008, 0.3852, 0.0001},
                                           Published{"deit_tiny", 5717416, 1.2537, 0.0001},
                                           Published{"deit_small", 22050664, 4.5989, 0.0001},
                                           Published{"vit_b_16", 86567656, 17.564, 0.01}),
                         [](const auto& test) {
                           std::string name = test.param.arch;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

TEST(Cost, MeasuresAllThreeAndLeavesTheModelAsItWas) {
  const auto model =
      lambda_model(3, [](LambdaModel&, const at::Tensor& images) { return channel_means(images); });
  model->train();
  const Cost cost = measure_cost(*model, 32);
  EXPECT_EQ(cost.parameters, 16);
  EXPECT_EQ(cost.multiply_adds, 12);
  EXPECT_GT(cost.milliseconds, 0);
  EXPECT_TRUE(model->is_training());
}

}  // namespace
}  // namespace retort::deploy
