#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/convolution_backward_native.h>
#include <ATen/ops/convolution_native.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/error.h"

namespace {

using retort::models::error;

using Gradients = std::array<at::Tensor, 3>;

struct Case {
  int64_t images, channels;
  std::array<int64_t, 2> size, kernel, stride, padding;
  int64_t dilation = 1, multiplier = 1;
};

struct Operands {
  at::Tensor input, weight, gradient;
};

Operands operands(const Case& c, at::ScalarType type,
                  at::MemoryFormat format = at::MemoryFormat::ChannelsLast) {
  torch::manual_seed(3);
  const auto drawn = [&](at::IntArrayRef shape) {
    return at::randn(shape).to(type).contiguous(format);
  };
  Operands o{drawn({c.images, c.channels, c.size[0], c.size[1]}),
             at::randn({c.channels * c.multiplier, 1, c.kernel[0], c.kernel[1]}).to(type),
             {}};
  o.gradient =
      drawn(at::conv2d(o.input, o.weight, {}, c.stride, c.padding, c.dilation, c.channels).sizes());
  return o;
}

Gradients both(const Operands& o, const Case& c, bool library) {
  const std::array<int64_t, 2> dilation{c.dilation, c.dilation}, none{0, 0};
  const int64_t outputs = c.channels * c.multiplier;
  const at::IntArrayRef bias(outputs);
  const auto run = library ? &at::native::convolution_backward : &at::convolution_backward;
  auto [input, weight, of_bias] = run(o.gradient, o.input, o.weight, bias, c.stride, c.padding,
                                      dilation, false, none, c.channels, {true, true, true});
  return {input, weight, of_bias};
}

Gradients exact(const Operands& o, const Case& c) {
  return both({o.input.to(at::kDouble), o.weight.to(at::kDouble), o.gradient.to(at::kDouble)}, c,
              /*library=*/true);
}

// Kernels, strides, paddings, maps smaller than the kernel, channels that do not fill a block or a
// vector, uneven sizes.
const std::vector<Case> kCases{
    {2, 32, {8, 8}, {5, 5}, {1, 1}, {2, 2}},
    {3, 70, {7, 5}, {5, 5}, {2, 2}, {2, 2}},
    {2, 33, {2, 2}, {3, 3}, {1, 1}, {1, 1}},
    {2, 64, {1, 1}, {3, 3}, {1, 1}, {1, 1}},
    {2, 3, {9, 9}, {7, 7}, {2, 2}, {3, 3}},
    {2, 40, {7, 7}, {5, 5}, {2, 2}, {0, 0}},
    {2, 16, {9, 6}, {3, 5}, {2, 1}, {1, 2}},
    {2, 48, {8, 8}, {3, 3}, {2, 2}, {1, 1}},
    {1, 31, {6, 6}, {4, 4}, {3, 3}, {1, 1}},
    {2, 24, {5, 5}, {3, 3}, {1, 1}, {2, 2}},
    {2, 40, {7, 5}, {3, 3}, {1, 1}, {2, 2}},
    {2, 40, {9, 7}, {3, 3}, {2, 2}, {0, 0}},
    {2, 40, {8, 9}, {3, 3}, {1, 2}, {1, 1}},
    {2, 40, {8, 9}, {3, 3}, {1, 1}, {3, 3}},
    {2, 96, {8, 9}, {3, 3}, {1, 1}, {1, 0}},
    {2, 40, {9, 8}, {3, 3}, {2, 3}, {1, 1}},
    {2, 24, {5, 5}, {9, 9}, {1, 1}, {4, 4}},
    {2, 32, {4, 4}, {1, 1}, {2, 2}, {0, 0}},
    // Several shares of images, one image in several parts, many images at a time.
    {3, 40, {70, 66}, {3, 3}, {1, 1}, {1, 1}},
    {2, 12, {90, 91}, {5, 5}, {2, 2}, {2, 2}},
    {3, 40, {140, 66}, {3, 3}, {2, 2}, {1, 1}},
    {300, 24, {4, 4}, {3, 3}, {1, 1}, {1, 1}},
};

// With and without a bias; a bfloat16 has 8 significant bits.
TEST(Depthwise, IsAsExactInBf16AsItsLastRounding) {
  for (size_t i = 0; i < kCases.size(); ++i) {
    const Case& c = kCases[i];
    const Operands o = operands(c, at::kBFloat16);
    for (const at::Tensor& bias : {at::Tensor(), at::randn({c.channels}).to(at::kBFloat16)}) {
      const auto run = [&](at::ScalarType type) {
        const std::optional<at::Tensor> own =
            bias.defined() ? std::optional(bias.to(type)) : std::nullopt;
        return at::conv2d(o.input.to(type), o.weight.to(type), own, c.stride, c.padding, c.dilation,
                          c.channels);
      };
      const at::Tensor found = run(at::kBFloat16), expected = run(at::kDouble);
      EXPECT_EQ(found.scalar_type(), at::kBFloat16);
      EXPECT_EQ(found.sizes(), expected.sizes());
      const std::array<int64_t, 2> dilation{c.dilation, c.dilation}, none{0, 0};
      const auto own = bias.defined() ? std::optional(bias) : std::nullopt;
      // Outputs that libtorch computes are not checked.
      if (at::equal(found, at::native::convolution(o.input, o.weight, own, c.stride, c.padding,
                                                   dilation, false, none, c.channels)))
        continue;
      EXPECT_TRUE(found.is_contiguous(at::MemoryFormat::ChannelsLast)) << "case " << i;
      EXPECT_LT(error(found, expected), 1.0 / 256) << "case " << i;
    }
  }
}

TEST(Depthwise, WhatIsNotANumberStaysThat) {
  const float none = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const float value : {none, infinity, -infinity}) {
    const at::Tensor x =
        at::zeros({1, 40, 8, 8}, at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
    x[0][33][4][4] = value;
    const at::Tensor found = at::conv2d(x, at::ones({40, 1, 3, 3}, at::kBFloat16), {}, 1, 1, 1, 40);
    EXPECT_EQ(found.isfinite().logical_not().sum().item<int64_t>(), 9);
    const float there = found[0][33][3][5].item<float>();
    EXPECT_TRUE(std::isnan(value) ? std::isnan(there) : there == value);
  }
}

TEST(DepthwiseBackward, IsExactInFp32) {
  for (size_t i = 0; i < kCases.size(); ++i) {
    const Operands o = operands(kCases[i], at::kFloat);
    const Gradients found = both(o, kCases[i], false);
    const Gradients expected = exact(o, kCases[i]);
    for (int k = 0; k < 3; ++k)
      EXPECT_LT(error(found[k], expected[k]), 1e-5) << "case " << i << ", gradient " << k;
  }
}

TEST(DepthwiseBackward, IsAsExactInBf16AsItsLastRounding) {
  for (size_t i = 0; i < kCases.size(); ++i) {
    const Operands o = operands(kCases[i], at::kBFloat16);
    const Gradients found = both(o, kCases[i], false), library = both(o, kCases[i], true);
    const Gradients expected = exact(o, kCases[i]);
    for (int k = 0; k < 3; ++k) {
      EXPECT_EQ(found[k].scalar_type(), at::kBFloat16);
      EXPECT_EQ(found[k].sizes(), expected[k].sizes());
      // Gradients that libtorch computes are not checked: without AVX-512 it adds up in bf16.
      if (at::equal(found[k], library[k])) continue;
      EXPECT_LT(error(found[k], expected[k]), 1.0 / 256) << "case " << i << ", gradient " << k;
    }
  }
}

TEST(DepthwiseBackward, DoesNotDependOnThreads) {
  const int before = at::get_num_threads();
  const Case c{4, 96, {40, 50}, {5, 5}, {1, 1}, {2, 2}};
  const Operands o = operands(c, at::kBFloat16);
  at::set_num_threads(1);
  const Gradients one = both(o, c, false);
  at::set_num_threads(3);
  const Gradients three = both(o, c, false);
  at::set_num_threads(before);
  for (int k = 0; k < 2; ++k) EXPECT_TRUE(at::equal(one[k], three[k]));
}

TEST(DepthwiseBackward, OneNumberStandsForBothDirections) {
  const Case c{2, 32, {7, 7}, {5, 5}, {2, 2}, {1, 1}};
  const Operands o = operands(c, at::kFloat);
  const at::Tensor weight = o.weight.clone().requires_grad_();
  at::conv2d(o.input, weight, {}, at::IntArrayRef({2}), at::IntArrayRef({1}), 1, c.channels)
      .backward(o.gradient);
  EXPECT_LT(error(weight.grad(), exact(o, c)[1]), 1e-5);
}

TEST(DepthwiseBackward, LeavesTheRestToTheLibrary) {
  const Case plain{2, 32, {8, 8}, {5, 5}, {1, 1}, {2, 2}};
  Case dilated = plain;
  dilated.dilation = 2;
  Case doubled = plain;
  doubled.multiplier = 2;
  const std::vector<std::pair<Case, Operands>> cases{
      {plain, operands(plain, at::kFloat, at::MemoryFormat::Contiguous)},
      {plain, operands(plain, at::kDouble)},
      {dilated, operands(dilated, at::kFloat)},
      {doubled, operands(doubled, at::kFloat)}};
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto& [c, o] = cases[i];
    const Gradients found = both(o, c, false);
    const Gradients library = both(o, c, true);
    for (int k = 0; k < 3; ++k)
      EXPECT_TRUE(at::equal(found[k], library[k])) << "case " << i << ", gradient " << k;
  }
}

// Few and many weights, few and many pixels, more outputs than inputs and fewer, maps of one pixel.
const std::vector<std::array<int64_t, 4>> kPointwise{
    {2, 32, 16, 5}, {3, 72, 96, 7}, {3, 96, 72, 7}, {9, 64, 65, 30}, {4, 80, 100, 1}};

TEST(PointwiseBackward, IsExact) {
  for (size_t i = 0; i < kPointwise.size(); ++i)
    for (const at::MemoryFormat format :
         {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      torch::manual_seed(3);
      const auto [images, inputs, outputs, side] = kPointwise[i];
      const at::Tensor x =
          at::randn({images, inputs, side, side}).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor g = at::randn({images, outputs, side, side}).contiguous(format),
                       w = at::randn({outputs, inputs, 1, 1});
      const std::array<int64_t, 2> one{1, 1}, none{0, 0};
      const auto run = [&, size = outputs](auto type, std::array<bool, 3> wanted) {
        auto [input, weight, bias] =
            at::convolution_backward(g.to(type), x.to(type), w.to(type), at::IntArrayRef(size), one,
                                     none, one, false, none, 1, wanted);
        return Gradients{input, weight, bias};
      };
      const Gradients found = run(at::kFloat, {true, true, true}),
                      expected = run(at::kDouble, {true, true, true});
      for (int k = 0; k < 3; ++k) {
        EXPECT_LT(error(found[k], expected[k]), 1e-5) << "case " << i << ", gradient " << k;
        EXPECT_EQ(found[k].sizes(), expected[k].sizes());
        EXPECT_TRUE(at::equal(run(at::kFloat, {k == 0, k == 1, k == 2})[k], found[k]))
            << "case " << i << ", gradient " << k << " alone";
      }
      EXPECT_TRUE(found[0].is_contiguous(at::MemoryFormat::ChannelsLast));
      EXPECT_TRUE(found[1].is_contiguous());
    }
}

TEST(Convolution, StandsBeforeTheLibrarysKernels) {
  for (const char* name : {"aten::convolution", "aten::convolution_backward"})
    EXPECT_TRUE(c10::Dispatcher::singleton().findSchemaOrThrow(name, "").hasKernelForDispatchKey(
        c10::DispatchKey::CPU));
}

}  // namespace
