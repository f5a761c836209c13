#pragma once

#include <torch/nn/module.h>

namespace retort::testing {

// Stands in for a GPU where there is none: a device of its own, whose kernels bring their tensors
// to the CPU and back. Whoever mixes its tensors with the CPU's throws as with a GPU, and what
// would wait for a GPU's work is counted.
inline const c10::Device kFar{c10::kPrivateUse1, 0};

// Puts a module there, which Module::to will not: libtorch has this device's tensors for another
// type.
void to_far(torch::nn::Module& module);

// Since the program began: copies to the CPU, single values among them, and copies from it that
// were not asked to be queued.
int64_t waits_for_far();

}  // namespace retort::testing
