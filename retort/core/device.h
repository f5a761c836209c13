#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort {

// "cpu", "cuda" (the first GPU) or "cuda:N". libtorch's CUDA library is loaded when it is first
// asked for, and must be before anything else asks libtorch whether there is a GPU. Throws
// UsageError on other names, Error saying what is missing where there is no such GPU: the library,
// the driver, or the device.
c10::Device open_device(const std::string& name);

// Throws UsageError where open_device would for the name alone.
void check_device_name(const std::string& name);

// The tensor there. On its way from the CPU nothing waits for the device: the copy is queued behind
// the device's work.
at::Tensor on_device(const at::Tensor& tensor, c10::Device device);

}  // namespace retort
