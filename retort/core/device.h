#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort {

// "cpu", "cuda" (the first GPU) or "cuda:N". Loads libtorch's CUDA library the first time that a
// GPU is asked for; that must be before anything else asks libtorch whether there is one. Throws
// UsageError on other names, Error saying what is missing where there is no such GPU: the library,
// the driver, or the device.
c10::Device open_device(const std::string& name);

// Throws UsageError where open_device would for the name alone.
void check_device_name(const std::string& name);

// The tensor on that device. A copy from the CPU is queued behind the device's work, and nothing
// waits for it.
at::Tensor on_device(const at::Tensor& tensor, c10::Device device);

}  // namespace retort
