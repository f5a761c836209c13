#include "retort/models/conv_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <ATen/TracerMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/init.h>

#include "retort/kernels/bf16_layers.h"

namespace retort::models {
namespace {

// at::hardtanh_ keeps a copy of its input, although the gradient can be computed from its output.
struct Relu6 : torch::autograd::Function<Relu6> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, at::Tensor x) {
    at::hardtanh_(x, 0, 6);
    context->mark_dirty({x});
    context->save_for_backward({x});
    return x;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {at::hardtanh_backward(gradients[0], context->get_saved_variables()[0], 0, 6)};
  }
};

bool tracing() { return at::tracer::impl::is_dispatch_enabled(); }

// For rows or columns: the padding at both ends, and the number of outputs before the first wanted
// one.
struct Side {
  int64_t padding = 0, skipped = 0;
};

at::Tensor convolved(torch::nn::Conv2d& conv, const at::Tensor& x, const at::Tensor& kernel,
                     const at::Tensor& bias, const Side& rows, const Side& columns) {
  at::Tensor maps =
      at::conv2d(x, kernel, bias, *conv->options.stride(), {rows.padding, columns.padding},
                 *conv->options.dilation(), conv->options.groups());
  if (rows.skipped == 0 && columns.skipped == 0) return maps;
  return maps.slice(2, rows.skipped)
      .slice(3, columns.skipped)
      .contiguous(maps.suggest_memory_format());
}

at::Tensor activated(const at::Tensor& maps, Activation activation) {
  return activation == nullptr ? maps : activation(maps);
}

// The bounds of an activation that only clamps; nothing for another.
std::optional<kernels::Bounds> bounds_of(Activation activation) {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  if (activation == nullptr) return kernels::Bounds{-kNone, kNone};
  if (activation == relu_) return kernels::Bounds{0, kNone};
  if (activation == relu6_) return kernels::Bounds{0, 6};
  return std::nullopt;
}

// torch's batch norm in training for bf16 maps on the CPU, with its output clamped to the bounds.
struct Bf16BatchNorm : torch::autograd::Function<Bf16BatchNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& maps,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& running_mean, const at::Tensor& running_var,
                            double momentum, double eps, double low, double high) {
    const auto [mean, variance] = kernels::batch_moments(maps);
    const int64_t places = maps.numel() / maps.size(1);
    const auto values = static_cast<double>(places);
    running_mean.lerp_(mean, momentum);
    running_var.lerp_(variance * (values / (values - 1)), momentum);
    const kernels::BatchNorm norm{mean,
                                  (variance + eps).rsqrt(),
                                  weight,
                                  bias,
                                  {static_cast<float>(low), static_cast<float>(high)}};
    context->save_for_backward({maps, norm.mean, norm.inverse_std, weight, bias});
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    return kernels::normed(maps, norm);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto bound = [&](const char* name) {
      return static_cast<float>(context->saved_data[name].toDouble());
    };
    const kernels::BatchNorm norm{
        saved[1], saved[2], saved[3], saved[4], {bound("low"), bound("high")}};
    const auto [of_maps, of_weight, of_bias] = kernels::gradients_of(gradient, saved[0], norm);
    return {of_maps, of_weight, of_bias, {}, {}, {}, {}, {}, {}};
  }
};

at::Tensor batch_norm(torch::nn::BatchNorm2d& norm, const at::Tensor& maps, Activation activation) {
  const auto momentum = norm->options.momentum();
  if (!norm->is_training() || !momentum || !kernels::are_bf16_maps(maps) ||
      maps.numel() == maps.size(1) || norm->weight.scalar_type() != at::kFloat)
    return activated(norm->forward(maps), activation);
  norm->num_batches_tracked.add_(1);
  const std::optional<kernels::Bounds> bounds = bounds_of(activation);
  const kernels::Bounds cut = bounds.value_or(*bounds_of(nullptr));
  const at::Tensor found =
      Bf16BatchNorm::apply(maps, norm->weight, norm->bias, norm->running_mean, norm->running_var,
                           *momentum, norm->options.eps(), double{cut.low}, double{cut.high});
  return bounds ? found : activated(found, activation);
}

at::Tensor conv_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                     const Side& rows, const Side& columns, Activation activation) {
  const bool learning = norm->is_training() || at::GradMode::is_enabled();
  // A trace must show the network as it is. For small maps the kernel is the larger tensor to
  // rescale.
  if (learning || tracing() || conv->weight.numel() > x.numel())
    return batch_norm(norm, convolved(conv, x, conv->weight, {}, rows, columns), activation);
  const at::Tensor scale = norm->weight * (norm->running_var + norm->options.eps()).rsqrt();
  return activated(convolved(conv, x, conv->weight * scale.reshape({-1, 1, 1, 1}),
                             norm->bias - norm->running_mean * scale, rows, columns),
                   activation);
}

}  // namespace

torch::nn::Conv2d bare_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                            int64_t groups) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel)
                               .stride(stride)
                               .padding((kernel - 1) / 2)
                               .groups(groups)
                               .bias(false));
}

at::Tensor relu_(const at::Tensor& x) { return x.relu_(); }
at::Tensor relu6_(const at::Tensor& x) { return Relu6::apply(x); }

at::Tensor conv_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm, const at::Tensor& x,
                     Activation activation) {
  const auto& padding = std::get<torch::ExpandingArray<2>>(conv->options.padding());
  return conv_norm(conv, norm, x, {padding->at(0)}, {padding->at(1)}, activation);
}

at::Tensor conv_same_norm(torch::nn::Conv2d& conv, torch::nn::BatchNorm2d& norm,
                          const at::Tensor& x, Activation activation) {
  const int64_t kernel = conv->weight.size(2);
  const int64_t stride = conv->options.stride()->at(0);
  if (stride == 1) return conv_norm(conv, norm, x, activation);
  const auto padding = [&](int64_t size) {
    return std::max<int64_t>(((size + stride - 1) / stride - 1) * stride + kernel - size, 0);
  };
  const int64_t tall = padding(x.size(2)), wide = padding(x.size(3));
  if (tracing() && (tall % 2 != 0 || wide % 2 != 0))
    return conv_norm(conv, norm,
                     at::constant_pad_nd(x, {wide / 2, wide - wide / 2, tall / 2, tall - tall / 2}),
                     {}, {}, activation);
  // One stride more of padding before the first row adds one output.
  const auto side = [&](int64_t both) {
    return both % 2 == 0 ? Side{both / 2, 0} : Side{both / 2 + stride, 1};
  };
  return conv_norm(conv, norm, x, side(tall), side(wide), activation);
}

std::vector<torch::nn::Conv2dImpl*> convolutions_of(torch::nn::Module& module) {
  std::vector<torch::nn::Conv2dImpl*> found;
  for (const auto& each : module.modules(/*include_self=*/false))
    if (auto* conv = each->as<torch::nn::Conv2dImpl>()) found.push_back(conv);
  return found;
}

void initialise_by_group_outputs(torch::nn::Module& module) {
  for (auto* conv : convolutions_of(module)) {
    const auto outputs =
        static_cast<double>(conv->weight.size(0) * conv->weight.size(2) * conv->weight.size(3));
    torch::nn::init::normal_(conv->weight, 0,
                             std::sqrt(2 * static_cast<double>(conv->options.groups()) / outputs));
  }
}

}  // namespace retort::models
