#pragma once

#include <string>
#include <utility>
#include <vector>

#include "retort/weights/pickle.h"

namespace retort::weights {

// The weights in a pickled object.
struct Checkpoint {
  std::vector<std::pair<std::string, const PickleValue::Tensor*>> tensors;  // by name
  std::string set;  // the entry that they lie in, "model_ema"; empty where there is no choice
  std::vector<std::string> others;  // the entries that hold other weights, which `wanted` can name
};

// Finds the weights in a dict of tensors, in a module that was saved whole, or in a checkpoint that
// has one of these among its entries, as trainers write it. Averaged weights come before those that
// they are an average of, and a teacher's before its student's. `wanted` names another entry, and
// is emptied where there is such a one. Throws Error naming `where` when there are no weights, or
// several sets without a known name.
Checkpoint weights_in(const Pickle& pickle, std::string& wanted, const std::string& where);

// The tensors in a TorchScript program's object, by their attributes.
Checkpoint script_weights_in(const Pickle& pickle, const std::string& where);

}  // namespace retort::weights
