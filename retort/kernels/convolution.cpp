// Channels-last convolutions and their gradients, for every network in the process, TorchScript
// ones included, where libtorch's kernels are slow (bench/gradients.cpp).
// - Depthwise: for some gradients oneDNN has no kernel and falls back to reference loops, a few of
//   which cost more than the rest of a MobileNet's step: in bf16 the gradient of the input at a
//   stride of 2, in both types the gradient of the weights for kernels larger than 3×3 and on maps
//   smaller than 3×3. The gradient of other weights is computed here where that is faster: in fp32
//   except at a stride of 1 with AVX-512, in bf16 with AVX-512 and at least 32 channels. So are
//   outputs in bf16, and the gradient of the input in bf16 at a stride of 1.
// - 1×1 in fp32: gradients are matrix products. oneDNN's kernels reorder their inputs, which takes
//   longer than the product where maps are small or there are many channels.
#include <ATen/ops/convolution_backward_native.h>
#include <ATen/ops/convolution_native.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "retort/core/vectorised.h"
#include "retort/kernels/depthwise_input.h"
#include "retort/kernels/depthwise_output.h"

namespace retort::kernels {
namespace {

using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;  // of input, weight, bias
using Wanted = std::array<bool, 3>;

constexpr int64_t kManyWeights = 4096;  // 1×1 kernels of at least this size use matrix products,
constexpr int64_t kFewPixels = 4096;    // for the input only up to this many pixels of all images

// The arguments of libtorch's convolution, forward and backward.
struct Convolution {
  const at::Tensor &input, &weight;
  at::IntArrayRef stride, padding, dilation;
  bool transposed;
  at::IntArrayRef output_padding;
  int64_t groups;
};

bool all(at::IntArrayRef values, int64_t are) {
  return std::ranges::all_of(values, [&](int64_t value) { return value == are; });
}

// Whether it is a plain convolution of images in channels-last, with input and weights of one type.
bool is_plain(const Convolution& c) {
  const auto type = c.input.scalar_type();
  return c.input.dim() == 4 && c.weight.dim() == 4 && !c.transposed &&
         (type == at::kFloat || type == at::kBFloat16) && c.weight.scalar_type() == type &&
         all(c.dilation, 1) && c.input.numel() > 0 &&
         c.input.is_contiguous(at::MemoryFormat::ChannelsLast);
}

bool is_depthwise(const Convolution& c) {
  return c.groups > 1 && c.groups == c.input.size(1) && c.groups == c.weight.size(0) &&
         c.weight.size(1) == 1;
}

DepthwiseShape shape_of(const Convolution& c) {
  // A list of one number stands for both directions.
  const std::array<int64_t, 2> stride{c.stride.front(), c.stride.back()},
      padding{c.padding.front(), c.padding.back()};
  const auto outputs = [&](size_t i) {
    const auto dim = static_cast<int64_t>(i + 2);
    return (c.input.size(dim) + 2 * padding[i] - c.weight.size(dim)) / stride[i] + 1;
  };
  return {c.input.size(0), c.input.size(1),  c.input.size(2),  c.input.size(3), outputs(0),
          outputs(1),      c.weight.size(2), c.weight.size(3), stride,          padding};
}

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, int64_t groups) {
  const Convolution c{input, weight, stride, padding, dilation, transposed, output_padding, groups};
  if (is_plain(c) && input.scalar_type() == at::kBFloat16 && is_depthwise(c))
    if (const DepthwiseShape shape = shape_of(c); is_fast_depthwise(shape))
      return depthwise_output(input, weight, bias.value_or(at::Tensor()), shape);
  return at::native::convolution(input, weight, bias, stride, padding, dilation, transposed,
                                 output_padding, groups);
}

struct Call : Convolution {
  const at::Tensor& gradient;
  at::OptionalIntArrayRef bias;

  Gradients library(Wanted wanted) const {
    if (wanted == Wanted{}) return {};
    return at::native::convolution_backward(gradient, input, weight, bias, stride, padding,
                                            dilation, transposed, output_padding, groups, wanted);
  }
};

bool slow_by_weight(const DepthwiseShape& s, at::ScalarType type) {
  const int64_t kernel = std::max(s.kernel_height, s.kernel_width);
  if (kernel > kLargestDepthwiseKernel || s.channels < kFewestDepthwiseChannels) return false;
  if (kernel > 3 || std::max(s.padding[0], s.padding[1]) > 1 || std::min(s.height, s.width) < 3)
    return true;
  return type == at::kFloat ? std::max(s.stride[0], s.stride[1]) > 1 || !has_avx512()
                            : has_avx512() && s.channels >= kWideDepthwiseChannels;
}

// The shape of the convolution that maps the gradient of the output to that of the input, at a
// stride of 1.
DepthwiseShape turned(const DepthwiseShape& s) {
  return {s.images,        s.channels,
          s.out_height,    s.out_width,
          s.height,        s.width,
          s.kernel_height, s.kernel_width,
          s.stride,        {s.kernel_height - 1 - s.padding[0], s.kernel_width - 1 - s.padding[1]}};
}

bool slow_by_input(const DepthwiseShape& s) {
  return std::max(s.stride[0], s.stride[1]) > 1 || is_fast_depthwise(turned(s));
}

at::Tensor input_gradient(const at::Tensor& gradient, const at::Tensor& weight,
                          const DepthwiseShape& s) {
  if (std::max(s.stride[0], s.stride[1]) > 1) return depthwise_input_gradient(gradient, weight, s);
  return depthwise_output(gradient, weight.flip({2, 3}), {}, turned(s));
}

Gradients depthwise(const Call& c, Wanted wanted) {
  const DepthwiseShape s = shape_of(c);
  const bool spread = wanted[0] && c.input.scalar_type() == at::kBFloat16 && slow_by_input(s);
  const bool weigh = wanted[1] && slow_by_weight(s, c.input.scalar_type());
  Gradients found = c.library({wanted[0] && !spread, wanted[1] && !weigh, wanted[2]});
  if (!spread && !weigh) return found;
  const at::Tensor by = c.gradient.contiguous(at::MemoryFormat::ChannelsLast);
  if (spread) std::get<0>(found) = input_gradient(by, c.weight, s);
  if (weigh) std::get<1>(found) = depthwise_weight_gradient(c.input, by, s);
  return found;
}

bool is_pointwise(const Call& c) {
  return c.groups == 1 && c.input.scalar_type() == at::kFloat && c.weight.size(2) == 1 &&
         c.weight.size(3) == 1 && all(c.stride, 1) && all(c.padding, 0);
}

// [pixels of all images, channels], without a copy where maps are in channels-last.
at::Tensor rows(const at::Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)});
}

// The larger side comes first, because the product is faster that way.
at::Tensor pointwise_weights(const at::Tensor& input, const at::Tensor& gradient) {
  const at::Tensor x = rows(input), g = rows(gradient);
  const at::Tensor product =
      g.size(1) >= x.size(1) ? at::mm(g.t(), x) : at::mm(x.t(), g).t().contiguous();
  return product.view({g.size(1), x.size(1), 1, 1});
}

at::Tensor pointwise_input(const at::Tensor& gradient, const at::Tensor& weight) {
  return at::mm(rows(gradient), weight.flatten(1))
      .view({gradient.size(0), gradient.size(2), gradient.size(3), -1})
      .permute({0, 3, 1, 2});
}

Gradients pointwise(const Call& c, Wanted wanted) {
  const bool many = c.weight.numel() >= kManyWeights;
  const bool weigh = wanted[1] && many;
  const bool back = wanted[0] && many && c.input.numel() / c.input.size(1) <= kFewPixels;
  Gradients found = c.library({wanted[0] && !back, wanted[1] && !weigh, wanted[2]});
  if (weigh) std::get<1>(found) = pointwise_weights(c.input, c.gradient);
  if (back) std::get<0>(found) = pointwise_input(c.gradient, c.weight);
  return found;
}

Gradients convolution_backward(const at::Tensor& gradient, const at::Tensor& input,
                               const at::Tensor& weight, at::OptionalIntArrayRef bias,
                               at::IntArrayRef stride, at::IntArrayRef padding,
                               at::IntArrayRef dilation, bool transposed,
                               at::IntArrayRef output_padding, int64_t groups, Wanted wanted) {
  const Call call{{input, weight, stride, padding, dilation, transposed, output_padding, groups},
                  gradient,
                  bias};
  if (!is_plain(call) || gradient.scalar_type() != input.scalar_type()) return call.library(wanted);
  if (is_depthwise(call)) return depthwise(call, wanted);
  return is_pointwise(call) ? pointwise(call, wanted) : call.library(wanted);
}

}  // namespace

// libtorch registers its kernels under CompositeExplicitAutograd; those registered for the CPU
// alone take precedence.
TORCH_LIBRARY_IMPL(aten, CPU, library) {
  library.impl("convolution", convolution);
  library.impl("convolution_backward", convolution_backward);
}

}  // namespace retort::kernels
