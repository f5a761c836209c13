#pragma once

#include <string>
#include <vector>

#include "retort/core/safetensors.h"

namespace retort::weights {

// Renames the tensors as the network itself names them. It removes what wrappers added in training
// before or inside the names (`module.`, `_orig_mod.`, `model.`, `backbone.` and the like; a first
// part only where all names begin with it), and drops counters and the heads and losses of
// training. `wanted`, if not empty, is the first part of some names ("student"): where there are
// such names only these tensors are kept, and `wanted` is emptied. Throws Error when two names
// become the same.
StateDict plain_names(StateDict state, std::string& wanted);

// A network inside another module; the names of its tensors began with `prefix`.
struct WeightPart {
  std::string prefix;
  StateDict tensors;
};
// The networks inside the result of plain_names(), in order of preference.
std::vector<WeightPart> parts_of(const StateDict& state);

}  // namespace retort::weights
