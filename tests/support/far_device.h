#pragma once

#include <torch/nn/module.h>

namespace retort::testing {

// Replaces a GPU where there is none: a device of its own, whose kernels copy their tensors to the
// CPU and back. Mixing its tensors with the CPU's throws as on a GPU, and copies that would wait
// for a GPU's work are counted.
inline const c10::Device kFar{c10::kPrivateUse1, 0};

// Moves a module to this device. Module::to does not, because libtorch takes this device's tensors
// for another type.
void to_far(torch::nn::Module& module);

// The number of copies since the program began that would wait: copies to the CPU, also of single
// values, and copies from it that are blocking.
int64_t waits_for_far();

}  // namespace retort::testing
