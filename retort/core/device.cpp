#include "retort/core/device.h"

#include <dlfcn.h>

#include <ATen/Context.h>

#include "retort/core/error.h"

namespace retort {
namespace {

[[noreturn]] void refuse(const std::string& name) {
  throw UsageError("is '" + name + "'", "--device", "one of: cpu, cuda, cuda:0, cuda:1, …");
}

c10::Device parsed(const std::string& name) {
  try {
    const c10::Device device(name);
    if (!device.is_cpu() && !device.is_cuda()) refuse(name);
    return device;
  } catch (const c10::Error&) {
    refuse(name);
  }
}

// Loads the library once for the whole process: its kernels and hooks register themselves.
void load_cuda() {
  static const bool loaded = [] {
    if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return true;
    throw Error(std::string("libtorch's CUDA library does not load: ") + ::dlerror(),
                "--device cuda",
                "scripts/install.sh cuda installs what it needs; or train with --device cpu");
  }();
  (void)loaded;
}

}  // namespace

void check_device_name(const std::string& name) { (void)parsed(name); }

at::Tensor on_device(const at::Tensor& tensor, c10::Device device) {
  if (!tensor.is_cpu()) return tensor.to(device);
  // A GPU copies from page-locked memory by itself; from other memory the copy would block the CPU.
  return (device.is_cuda() ? tensor.pin_memory() : tensor).to(device, /*non_blocking=*/true);
}

c10::Device open_device(const std::string& name) {
  const c10::Device device = parsed(name);
  if (device.is_cpu()) return device;
  load_cuda();
  const int count = at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  if (count < 1)
    throw Error("no GPU is to be had: there is none, or its driver is missing or too old",
                "--device " + name, "look at what `nvidia-smi` says; or train with --device cpu");
  if (device.index() >= count)
    throw Error("there are " + std::to_string(count) + " GPUs, and the first is cuda:0",
                "--device " + name);
  return device.has_index() ? device : c10::Device(device.type(), 0);
}

}  // namespace retort
