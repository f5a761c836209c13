#pragma once

#include <string>
#include <vector>

#include "retort/core/safetensors.h"

namespace retort::weights {

// The tensors under the names that the network itself gives them: without what wrappers put before
// or between them when they were trained (`module.`, `_orig_mod.`, `model.`, `backbone.` and the
// like, as far as all names begin so), and without counters that are no weights. `wanted`, where it
// is not empty, is the first part of some names ("student"): only those tensors are kept, and
// `wanted` is emptied. Throws Error when two names become the same.
StateDict plain_names(StateDict state, std::string& wanted);

// A network that is trained inside another module, whose names begin with `prefix`.
struct WeightPart {
  std::string prefix;
  StateDict tensors;
};
// The parts of what plain_names() gives, in the order in which they are wanted.
std::vector<WeightPart> parts_of(const StateDict& state);

}  // namespace retort::weights
