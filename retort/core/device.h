#pragma once

#include <string>

#include <c10/core/Device.h>

namespace retort {

// "cpu", "cuda" (the first GPU) or "cuda:N". libtorch's CUDA library is loaded when it is first asked for, and must be before anything else
// asks libtorch whether there is a GPU. Throws UsageError on other names, Error saying what is missing where there is no such GPU: the
// library, the driver, or the device.
c10::Device open_device(const std::string& name);

// Throws UsageError where open_device would for the name alone.
void check_device_name(const std::string& name);

}  // namespace retort
