#pragma once

#include <torch/nn/module.h>

namespace retort::testing {

// Stands in for a GPU where there is none: a device of its own, whose kernels bring their tensors to the CPU and back. Whoever mixes its
// tensors with the CPU's throws as with a GPU, and what code reads of it while a step is under way is counted.
inline const c10::Device kFar{c10::kPrivateUse1, 0};

// Puts a module there, which Module::to will not: libtorch has this device's tensors for another type.
void to_far(torch::nn::Module& module);

// Copies to the CPU since the program began, single values among them: each waits for the device.
int64_t reads_of_far();

}  // namespace retort::testing
