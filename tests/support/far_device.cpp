#include "tests/support/far_device.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

namespace retort::testing {
namespace {

int64_t waits = 0;
thread_local bool in_kernel = false;  // copies by a kernel are not counted as the program's

struct Kernel {
  bool before = std::exchange(in_kernel, true);
  ~Kernel() { in_kernel = before; }
};

class Memory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes == 0 ? nullptr : std::malloc(bytes);
    return {data, data, &std::free, kFar};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
};

Memory memory;
constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type,
                 std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>,
                 std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory, kKeys, c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                         std::optional<at::ScalarType> type, std::optional<at::Layout>,
                         std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory, kKeys,
                                           c10::dtype_or_default(type));
}

// The same memory as a tensor of the CPU.
at::Tensor seen_from_cpu(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  return at::from_blob(tensor.mutable_data_ptr(), tensor.sizes(), tensor.strides(),
                       at::TensorOptions(tensor.scalar_type()));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (to.device() != from.device() && !in_kernel && (to.is_cpu() || !non_blocking)) ++waits;
  seen_from_cpu(to).copy_(seen_from_cpu(from));
  return to;
}

at::Tensor copy_and_resize(const at::Tensor& from, const at::Tensor& to) {
  if (to.sizes() == from.sizes()) return copy_from(from, to, false);
  to.unsafeGetTensorImpl()->shallow_copy_from(from.to(kFar).getIntrusivePtr());
  return to;
}

at::Scalar value_of(const at::Tensor& tensor) {
  if (!in_kernel) ++waits;
  return seen_from_cpu(tensor).item();
}

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, int64_t groups) {
  const Kernel kernel;
  const std::optional<at::Tensor> near_bias =
      bias && bias->defined() ? std::optional(bias->to(at::kCPU)) : std::nullopt;
  return at::convolution(input.to(at::kCPU), weight.to(at::kCPU), near_bias, stride, padding,
                         dilation, transposed, output_padding, groups)
      .to(kFar);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight,
    at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
    at::IntArrayRef output_padding, int64_t groups, std::array<bool, 3> wanted) {
  const Kernel kernel;
  const std::vector<int64_t> bias{weight.size(0)};
  const auto [of_input, of_weight, of_bias] = at::convolution_backward(
      gradient.to(at::kCPU), input.to(at::kCPU), weight.to(at::kCPU), bias, stride, padding,
      dilation, transposed, output_padding, groups, wanted);
  const auto far = [](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.to(kFar) : tensor;
  };
  return {far(of_input), far(of_weight), far(of_bias)};
}

// The schema does not say that this writes running statistics, so that on_cpu would lose them.
std::tuple<at::Tensor, at::Tensor, at::Tensor> batch_norm(
    const at::Tensor& input, const std::optional<at::Tensor>& weight,
    const std::optional<at::Tensor>& bias, const std::optional<at::Tensor>& mean,
    const std::optional<at::Tensor>& variance, bool training, double momentum, double epsilon) {
  const Kernel kernel;
  const auto near = [](const std::optional<at::Tensor>& far) {
    return far && far->defined() ? std::optional(seen_from_cpu(*far)) : far;
  };
  const auto [out, saved_mean, saved_scale] =
      at::native_batch_norm(seen_from_cpu(input), near(weight), near(bias), near(mean),
                            near(variance), training, momentum, epsilon);
  return {out.to(kFar), saved_mean.to(kFar), saved_scale.to(kFar)};
}

void on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const Kernel kernel;
  for (const c10::IValue& argument : torch::jit::last(*stack, op.schema().arguments().size())) {
    const bool strange = argument.isTensor() && argument.toTensor().defined() &&
                         argument.toTensor().is_cpu() && argument.toTensor().dim() > 0;
    TORCH_CHECK(!strange, op.schema().name(),
                ": a tensor of the CPU among those of the far device");
  }
  at::native::cpu_fallback(op, stack);
}

// Autograd and the seeding of generators ask for these. Kernels run on the CPU and draw from its
// generator.
struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  at::DeviceIndex deviceCount() const override { return 1; }
  at::DeviceIndex getCurrentDevice() const override { return 0; }
  const at::Generator& getDefaultGenerator(at::DeviceIndex) const override {
    return at::detail::getDefaultCPUGenerator();
  }
};
const bool registered = [] {
  static Hooks hooks;
  at::RegisterPrivateUse1HooksInterface(&hooks);
  c10::register_privateuse1_backend("far");
  return true;
}();

// The device has one stream, on which no work is ever pending.
struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::kPrivateUse1> {
  c10::Device exchangeDevice(c10::Device) const override { return kFar; }
  c10::Device getDevice() const override { return kFar; }
  c10::Stream getStream(c10::Device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, kFar);
  }
  c10::Stream getNewStream(c10::Device, int) const override {
    return c10::Stream(c10::Stream::DEFAULT, kFar);
  }
  c10::Stream exchangeStream(c10::Stream) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, kFar);
  }
  void record(void**, const c10::Stream&, const c10::DeviceIndex,
              const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_cpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_and_resize);
  library.impl("_local_scalar_dense", &value_of);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("view",
               static_cast<at::Tensor (*)(const at::Tensor&, at::IntArrayRef)>(&at::native::view));
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("native_batch_norm", &batch_norm);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
}

}  // namespace

void to_far(torch::nn::Module& module) {
  std::vector<at::Tensor> tensors = module.parameters();
  for (const at::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  for (const at::Tensor& tensor : tensors)
    tensor.unsafeGetTensorImpl()->shallow_copy_from(tensor.detach().to(kFar).getIntrusivePtr());
}

int64_t waits_for_far() { return waits; }

}  // namespace retort::testing
