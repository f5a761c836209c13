#pragma once

#include <string>
#include <utility>
#include <vector>

#include "retort/weights/pickle.h"

namespace retort::weights {

// The weights in a pickled object.
struct Checkpoint {
  std::vector<std::pair<std::string, const PickleValue::Tensor*>> tensors;  // by name
  std::string set;                  // their entry, such as "model_ema"; empty without a choice
  std::vector<std::string> others;  // other entries with weights; `wanted` can name them
};

// Finds the weights in a dict of tensors, in a module that was saved whole, or in a checkpoint that
// has one of these among its entries, as trainers write it. Averaged weights are preferred to the
// weights that they average, and a teacher's to its student's. `wanted`, if not empty, names
// another entry, and is emptied where that entry is found. Throws Error, naming `where`, when there
// are no weights, or several sets under unknown names.
Checkpoint weights_in(const Pickle& pickle, std::string& wanted, const std::string& where);

// The tensors in a TorchScript program's object, named by their attributes. Throws Error where
// modules are nested too deep.
Checkpoint script_weights_in(const Pickle& pickle, const std::string& where);

}  // namespace retort::weights
