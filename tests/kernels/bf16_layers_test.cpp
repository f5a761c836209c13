#include "retort/kernels/bf16_layers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "retort/models/convnet.h"
#include "tests/support/error.h"

namespace retort::models {
namespace {

// Channels that fill rows and channels that do not, positions that can be joined and that cannot,
// and several shares.
const std::vector<std::array<int64_t, 4>> kShapes{{2, 3, 5, 5},    {4, 16, 8, 8}, {3, 33, 7, 5},
                                                  {2, 1280, 2, 2}, {5, 24, 3, 1}, {8, 40, 60, 61}};

at::Tensor maps_of(at::IntArrayRef shape, double mean = 0, double std = 1) {
  return (at::randn(shape) * std + mean)
      .to(at::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

constexpr double kHalfAStep =
    1.0 / 256;  // half a rounding step of bfloat16, which has 8 significant bits

TEST(Bf16Layers, MomentsAreThoseOfTheValues) {
  torch::manual_seed(1);
  for (const auto& shape : kShapes)
    for (const double mean : {0.0, 100.0}) {
      const at::Tensor maps = maps_of(shape, mean), exact = maps.to(at::kDouble);
      const auto [found_mean, found_variance] = kernels::batch_moments(maps);
      EXPECT_LT(error(found_mean, exact.mean({0, 2, 3})), 1e-5) << maps.sizes();
      EXPECT_LT(error(found_variance, exact.var({0, 2, 3}, /*unbiased=*/false)), 1e-5)
          << maps.sizes();
    }
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Bf16Layers, BatchNormAndItsGradientsAreExactButForTheLastRounding) {
  torch::manual_seed(2);
  for (const auto& shape : kShapes)
    for (const kernels::Bounds bounds : {kernels::Bounds{-kInfinity, kInfinity},
                                         kernels::Bounds{0, kInfinity}, kernels::Bounds{0, 2}}) {
      const at::Tensor maps = maps_of(shape, 1, 2), gradient = maps_of(shape);
      const at::Tensor weight = at::rand({shape[1]}) + 0.5, bias = at::rand({shape[1]});
      const at::Tensor x = maps.to(at::kDouble).requires_grad_(),
                       w = weight.to(at::kDouble).requires_grad_();
      const at::Tensor b = bias.to(at::kDouble).requires_grad_();
      const auto [mean, variance] = kernels::batch_moments(maps);
      const kernels::BatchNorm norm{mean, (variance + 1e-5).rsqrt(), weight, bias, bounds};
      const at::Tensor found = kernels::normed(maps, norm),
                       whole = at::batch_norm(x, w, b, {}, {}, /*training=*/true, 0, 1e-5, false);
      EXPECT_LT(error(found, whole.clamp(bounds.low, bounds.high).detach()), kHalfAStep)
          << maps.sizes();
      // The clamped values are taken from the result, because rounding decides at the bounds.
      const at::Tensor inside = (found > bounds.low).logical_and(found < bounds.high);
      whole.backward(gradient.to(at::kDouble) * inside);
      const auto [of_maps, of_weight, of_bias] = kernels::gradients_of(gradient, maps, norm);
      EXPECT_LT(error(of_maps, x.grad()), kHalfAStep) << maps.sizes();
      EXPECT_LT(error(of_weight, w.grad()), 1e-5) << maps.sizes();
      EXPECT_LT(error(of_bias, b.grad()), 1e-5) << maps.sizes();
    }
}

TEST(Bf16Layers, WhatIsNoNumberStaysSo) {
  at::Tensor maps =
      at::ones({2, 16, 4, 4}).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  maps.index_put_({0, 3, 0, 0}, std::nanf(""));
  const at::Tensor ones = at::ones({16});
  EXPECT_TRUE(
      kernels::normed(maps, {ones, ones, ones, ones, {0, 6}})[0][3][0][0].isnan().item<bool>());
}

TEST(Bf16Layers, StandInForTorchsNormInTraining) {
  for (const Activation activation :
       {Activation{nullptr}, Activation{relu_}, Activation{relu6_}, Activation{at::hardswish}}) {
    torch::manual_seed(5);
    torch::nn::Conv2d conv = bare_conv(8, 24, 1);
    conv->to(at::kBFloat16);
    const at::Tensor x = maps_of({4, 8, 9, 7}, 1, 3), gradient = maps_of({4, 24, 9, 7});
    torch::nn::BatchNorm2d ours(24), torchs(24);
    const at::Tensor found = conv_norm(conv, ours, x, activation);
    at::Tensor expected = torchs->forward(conv->forward(x).detach().to(at::kFloat));
    if (activation != nullptr) expected = activation(expected);
    EXPECT_EQ(found.scalar_type(), at::kBFloat16);
    EXPECT_LT(error(found.detach(), expected.detach().to(at::kDouble)),
              2 * kHalfAStep);  // one rounding of the norm and one of the activation
    EXPECT_LT(error(ours->running_mean, torchs->running_mean.to(at::kDouble)), 1e-5);
    EXPECT_LT(error(ours->running_var, torchs->running_var.to(at::kDouble)), 1e-5);
    EXPECT_TRUE(at::equal(ours->num_batches_tracked, torchs->num_batches_tracked));
    found.backward(gradient);
    expected.backward(gradient.to(at::kFloat));
    EXPECT_TRUE(conv->weight.grad().defined());
    EXPECT_LT(error(ours->weight.grad(), torchs->weight.grad().to(at::kDouble)), 0.01);
    EXPECT_LT(error(ours->bias.grad(), torchs->bias.grad().to(at::kDouble)), 0.01);
  }
}

TEST(Bf16Layers, DoNotDependOnThreads) {
  torch::manual_seed(4);
  const at::Tensor maps = maps_of({8, 40, 60, 61}), gradient = maps_of({8, 40, 60, 61}),
                   ones = at::ones({40});
  const auto now = [&](int threads) {
    at::set_num_threads(threads);
    const auto [mean, variance] = kernels::batch_moments(maps);
    const auto [of_maps, of_weight, of_bias] =
        kernels::gradients_of(gradient, maps, {mean, variance.rsqrt(), ones, ones, {0, 6}});
    return std::vector<at::Tensor>{mean, variance, of_maps, of_weight, of_bias};
  };
  const int threads = at::get_num_threads();
  const auto one = now(1), several = now(3);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], several[i])) << i;
}

}  // namespace
}  // namespace retort::models
