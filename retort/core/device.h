#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace retort {

// Opens "cpu", "cuda" (the first GPU) or "cuda:N". Loads libtorch's CUDA library the first time
// that a GPU is asked for; this must happen before anything else asks libtorch whether there is a
// GPU. Throws UsageError on other names, and Error where the library, the driver or the device is
// missing.
c10::Device open_device(const std::string& name);

// Throws UsageError on a name that open_device() does not know. Does not check whether the device
// exists.
void check_device_name(const std::string& name);

// The tensor on that device. A copy from the CPU to a GPU is asynchronous: it is queued behind the
// GPU's work, and this does not wait for it.
at::Tensor on_device(const at::Tensor& tensor, c10::Device device);

}  // namespace retort
