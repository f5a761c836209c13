#include "retort/models/bf16_layers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace retort::models {
namespace {

// Channels that fill rows and that do not, places that can be joined and that cannot, several shares.
const std::vector<std::array<int64_t, 4>> kShapes{{2, 3, 5, 5},    {4, 16, 8, 8}, {3, 33, 7, 5},
                                                  {2, 1280, 2, 2}, {5, 24, 3, 1}, {8, 40, 60, 61}};

at::Tensor maps_of(at::IntArrayRef shape, double mean = 0, double std = 1) {
  return (at::randn(shape) * std + mean).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
}

// As a share of the largest value.
double error(const at::Tensor& found, const at::Tensor& exact) {
  return ((found.to(at::kDouble) - exact).abs().max() / exact.abs().max()).item<double>();
}

constexpr double kHalfAStep = 1.0 / 256;  // of bfloat16: eight bits of a value count

TEST(Bf16Layers, MomentsAreThoseOfTheValues) {
  torch::manual_seed(1);
  for (const auto& shape : kShapes)
    for (const double mean : {0.0, 100.0}) {
      const at::Tensor maps = maps_of(shape, mean), exact = maps.to(at::kDouble);
      const auto [found_mean, found_variance] = batch_moments(maps);
      EXPECT_LT(error(found_mean, exact.mean({0, 2, 3})), 1e-5) << maps.sizes();
      EXPECT_LT(error(found_variance, exact.var({0, 2, 3}, /*unbiased=*/false)), 1e-5) << maps.sizes();
    }
}

TEST(Bf16Layers, GradientsOfBatchNormAreExactButForTheLastRounding) {
  torch::manual_seed(2);
  for (const auto& shape : kShapes) {
    const at::Tensor maps = maps_of(shape, 1, 2), gradient = maps_of(shape), weight = at::rand({shape[1]}) + 0.5;
    const at::Tensor x = maps.to(at::kDouble).requires_grad_(), w = weight.to(at::kDouble).requires_grad_();
    const at::Tensor bias = at::zeros({shape[1]}, at::kDouble).requires_grad_();
    const at::Tensor y = at::batch_norm(x, w, bias, {}, {}, /*training=*/true, 0, 1e-5, false);
    y.backward(gradient.to(at::kDouble));
    const auto [mean, variance] = batch_moments(maps);
    const at::Tensor inverse_std = (variance + 1e-5).rsqrt(), scale = weight * inverse_std;
    EXPECT_LT(error(scaled_maps(maps, scale, -mean * scale), y.detach()), kHalfAStep) << maps.sizes();
    const auto [of_maps, of_weight, of_bias] = batch_norm_gradients(gradient, maps, weight, mean, inverse_std);
    EXPECT_LT(error(of_maps, x.grad()), kHalfAStep) << maps.sizes();
    EXPECT_LT(error(of_weight, w.grad()), 1e-5) << maps.sizes();
    EXPECT_LT(error(of_bias, bias.grad()), 1e-5) << maps.sizes();
  }
}

TEST(Bf16Layers, ReLU6IsTheLibrarys) {
  torch::manual_seed(3);
  at::Tensor maps = maps_of({4, 40, 33, 35}, 2, 4);
  const auto inf = std::numeric_limits<float>::infinity();
  const at::Tensor special = at::tensor({-inf, inf, -0.0F, 0.0F, 6.0F, std::nanf("")}).to(at::kBFloat16);
  maps.permute({0, 2, 3, 1}).view({-1}).slice(0, 0, 6).copy_(special);
  at::Tensor found = maps.clone();
  clamp_to_six(found);
  const at::Tensor expected = at::hardtanh(maps, 0, 6);
  EXPECT_TRUE(at::equal(found.nan_to_num(7), expected.nan_to_num(7)));
  const at::Tensor gradient = maps_of(maps.sizes());
  EXPECT_TRUE(at::equal(relu6_gradient(gradient, found), at::hardtanh_backward(gradient, expected, 0, 6)));
}

TEST(Bf16Layers, DoNotDependOnThreads) {
  torch::manual_seed(4);
  const at::Tensor maps = maps_of({8, 40, 60, 61}), gradient = maps_of({8, 40, 60, 61}), ones = at::ones({40});
  const auto now = [&](int threads) {
    at::set_num_threads(threads);
    const auto [mean, variance] = batch_moments(maps);
    const auto [of_maps, of_weight, of_bias] = batch_norm_gradients(gradient, maps, ones, mean, variance.rsqrt());
    return std::vector<at::Tensor>{mean, variance, of_maps, of_weight, of_bias};
  };
  const int threads = at::get_num_threads();
  const auto one = now(1), several = now(3);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], several[i])) << i;
}

}  // namespace
}  // namespace retort::models
