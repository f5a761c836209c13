// The gradients of depthwise convolutions in channels-last, for every network in the process, TorchScript ones included. oneDNN has no
// kernel for some of them and takes its reference loops: in bf16 for the gradient of the input at a stride of 2, and in both types for that
// of a weight of more than 3×3 or on maps of 2×2. A few of these cost more than the rest of a MobileNet's step (bench/depthwise_backward):
// the first is left to oneDNN in fp32, where it has a kernel, the second is computed here.
#include <ATen/Parallel.h>
#include <ATen/ops/convolution_backward_native.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

namespace retort::models {
namespace {

// One clone for each level of the processor's vectors, chosen when the program is loaded; not under sanitizers, which cannot be called
// that early.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define RETORT_VECTORISED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RETORT_VECTORISED
#endif

constexpr int64_t kLanes = 32;  // channels at a time: their sums for a 5×5 kernel stay in the first cache
constexpr int64_t kLargestKernel = 7;

struct Shape {
  int64_t images, channels, height, width, out_height, out_width, kernel_height, kernel_width;
  std::array<int64_t, 2> stride, padding;
};

float widened(float value) { return value; }
float widened(c10::BFloat16 value) { return value; }

template <class T>
[[gnu::always_inline]] inline void add_products(const T* __restrict a, const T* __restrict b, int64_t count, float* __restrict sums) {
  for (int64_t c = 0; c < count; ++c) sums[c] += widened(a[c]) * widened(b[c]);
}

// sums[tap][lane] = Σ over images and output pixels of gradient · the input pixel under the tap, for `lanes` channels from `input` on.
template <class T>
[[gnu::always_inline]] inline void weight_sums(const T* input, const T* gradient, const Shape& s, int64_t lanes, float* sums) {
  for (int64_t n = 0; n < s.images; ++n)
    for (int64_t out_y = 0; out_y < s.out_height; ++out_y)
      for (int64_t out_x = 0; out_x < s.out_width; ++out_x) {
        const T* g = gradient + ((n * s.out_height + out_y) * s.out_width + out_x) * s.channels;
        const int64_t y = out_y * s.stride[0] - s.padding[0];
        const int64_t x = out_x * s.stride[1] - s.padding[1];
        const int64_t last_row = std::min(s.kernel_height, s.height - y);
        const int64_t last_column = std::min(s.kernel_width, s.width - x);
        for (int64_t i = std::max<int64_t>(0, -y); i < last_row; ++i)
          for (int64_t j = std::max<int64_t>(0, -x); j < last_column; ++j) {
            const T* pixel = input + ((n * s.height + y + i) * s.width + x + j) * s.channels;
            float* sum = sums + (i * s.kernel_width + j) * kLanes;
            if (lanes == kLanes)
              add_products(g, pixel, kLanes, sum);  // a length that the compiler knows
            else
              add_products(g, pixel, lanes, sum);
          }
      }
}

RETORT_VECTORISED void weight_sums_of(const float* input, const float* gradient, const Shape& s, int64_t lanes, float* sums) {
  weight_sums(input, gradient, s, lanes, sums);
}
RETORT_VECTORISED void weight_sums_of(const c10::BFloat16* input, const c10::BFloat16* gradient, const Shape& s, int64_t lanes,
                                      float* sums) {
  weight_sums(input, gradient, s, lanes, sums);
}

template <class T>
void weight_gradient(const at::Tensor& input, const at::Tensor& gradient, const Shape& s, at::Tensor& out) {
  const int64_t taps = s.kernel_height * s.kernel_width;
  const T* pixels = input.const_data_ptr<T>();
  const T* gradients = gradient.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  at::parallel_for(0, (s.channels + kLanes - 1) / kLanes, 1, [&](int64_t begin, int64_t end) {
    std::array<float, kLargestKernel * kLargestKernel * kLanes> sums;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kLanes;
      const int64_t lanes = std::min(kLanes, s.channels - first);
      sums.fill(0);
      weight_sums_of(pixels + first, gradients + first, s, lanes, sums.data());
      for (int64_t c = 0; c < lanes; ++c)
        for (int64_t tap = 0; tap < taps; ++tap) to[(first + c) * taps + tap] = static_cast<T>(sums[tap * kLanes + c]);
    }
  });
}

// [C, 1, kernel height, kernel width], of the input's type.
at::Tensor weight_gradient(const at::Tensor& input, const at::Tensor& gradient, const Shape& s) {
  at::Tensor out = at::empty({s.channels, 1, s.kernel_height, s.kernel_width}, input.options());
  if (input.scalar_type() == at::kFloat)
    weight_gradient<float>(input, gradient, s, out);
  else
    weight_gradient<c10::BFloat16>(input, gradient, s, out);
  return out;
}

bool is_depthwise(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef dilation, bool transposed,
                  int64_t groups) {
  const auto type = input.scalar_type();
  return input.dim() == 4 && groups > 1 && groups == input.size(1) && groups == weight.size(0) && weight.size(1) == 1 && !transposed &&
         (type == at::kFloat || type == at::kBFloat16) && weight.scalar_type() == type && gradient.scalar_type() == type &&
         std::ranges::all_of(dilation, [](int64_t by) { return by == 1; }) && input.numel() > 0 &&
         input.is_contiguous(at::MemoryFormat::ChannelsLast);
}

bool slow_by_weight(const Shape& s) {
  const int64_t kernel = std::max(s.kernel_height, s.kernel_width);
  return kernel <= kLargestKernel && (kernel > 3 || std::max(s.padding[0], s.padding[1]) > 1 || std::min(s.height, s.width) < 3);
}

using Gradients = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

Gradients convolution_backward(const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, at::OptionalIntArrayRef bias,
                               at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                               at::IntArrayRef output_padding, int64_t groups, std::array<bool, 3> wanted) {
  const auto library = [&](const at::Tensor& of, const at::Tensor& x, const at::Tensor& w, std::array<bool, 3> mask) {
    return at::native::convolution_backward(of, x, w, bias, stride, padding, dilation, transposed, output_padding, groups, mask);
  };
  if (!is_depthwise(gradient, input, weight, dilation, transposed, groups)) return library(gradient, input, weight, wanted);
  // One number stands for both directions, too.
  const Shape s{input.size(0),
                input.size(1),
                input.size(2),
                input.size(3),
                gradient.size(2),
                gradient.size(3),
                weight.size(2),
                weight.size(3),
                {stride.front(), stride.back()},
                {padding.front(), padding.back()}};
  const bool widen = wanted[0] && input.scalar_type() == at::kBFloat16 && std::max(s.stride[0], s.stride[1]) > 1;
  const bool weigh = wanted[1] && slow_by_weight(s);
  Gradients found = library(gradient, input, weight, {wanted[0] && !widen, wanted[1] && !weigh, wanted[2]});
  if (widen) {
    const at::Tensor shape_of_input = at::empty_like(input, at::kFloat);
    const Gradients wide = library(gradient.to(at::kFloat), shape_of_input, weight.to(at::kFloat), {true, false, false});
    std::get<0>(found) = std::get<0>(wide).to(at::kBFloat16);
  }
  if (weigh) std::get<1>(found) = weight_gradient(input, gradient.contiguous(at::MemoryFormat::ChannelsLast), s);
  return found;
}

}  // namespace

// libtorch has its kernel under CompositeExplicitAutograd: this one, for the processor alone, goes before it.
TORCH_LIBRARY_IMPL(aten, CPU, library) { library.impl("convolution_backward", convolution_backward); }

}  // namespace retort::models
