#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <torch/types.h>

#include "retort/core/safetensors.h"

namespace retort::testing {

// Values by a formula of a name and an index, the same in scripts/fixtures/formula.py: fixtures
// then need to hold outputs only. u(name, i) = the top 24 bits of splitmix64(fnv1a64(name) + (i +
// 1)·golden), in [0, 1).

// float32, uniform in [low, high).
at::Tensor formula_uniform(const std::string& name, at::IntArrayRef shape, double low = -1,
                           double high = 1);

// The values of a parameter or buffer of this public name and shape: running_var in
// [0.5, 1.5); running_mean in ±0.2; num_batches_tracked 0; layer scales (lambda) in [0.5, 1.5);
// one-dimensional `weight` in [0.8, 1.2); other one-dimensional tensors in ±0.1; the rest in
// ±sqrt(6 / fan_in), fan_in = all dimensions but the first.
at::Tensor formula_parameter(const std::string& name, at::IntArrayRef shape);

// Fills every tensor of the state in place, by its name.
void formula_fill(StateDict& state);

}  // namespace retort::testing
