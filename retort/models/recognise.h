#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "retort/core/error.h"
#include "retort/models/image_model.h"
#include "retort/models/registry.h"

namespace retort::models {

// Functions that read a weight file as a network of a family.

inline constexpr int64_t kMaxClasses = 100000;

// How a file names the modules of a network.
struct Naming {
  std::string name;
  std::function<std::string(const std::string& ours)> in_file;
  std::map<std::string, std::string>
      tensors{};            // last parts that differ, ours to theirs: {"gamma", "layer_scale"}
  bool singletons = false;  // its tensors may have more or fewer dimensions of 1, such as a linear
                            // layer as a 1 × 1 convolution
};
// The naming of a file that has our names, which are the public implementation's.
Naming public_naming(const std::string& name);
// The file's name of our tensor.
std::string name_in_file(const Naming& naming, const std::string& tensor);

// The number of classes, from the classifier's tensors; nothing when the file has none of them.
// Throws Error, naming the tensor, when the number is outside [1, kMaxClasses].
std::optional<int64_t> classes_of(const StateDict& file, const std::string& head);

// The file's tensors under our names, without those of our module `absent`. Throws Error, with the
// file's name, on the first tensor that is missing, of another shape or type, or has no place in
// the network. Counters `num_batches_tracked` may be missing.
StateDict fitted(ImageModel& net, const StateDict& file, const Naming& naming,
                 const std::string& absent);

// Restores the state of torch's CPU generator at the end of its scope, so that looking at a file
// does not change later random numbers.
class KeptGenerator {
 public:
  KeptGenerator();
  ~KeptGenerator();
  KeptGenerator(const KeptGenerator&) = delete;
  KeptGenerator& operator=(const KeptGenerator&) = delete;

 private:
  at::Tensor state_;
};

// Reads the file as weights of this architecture, with as many classes as its classifier has.
// Throws Error as fitted() does and when the spec's sizes do not go together.
template <class Net>
Recognised recognise_as(ModelSpec spec, const StateDict& file, const Naming& naming) {
  const KeptGenerator kept;
  const std::optional<int64_t> classes = classes_of(file, naming.in_file(Net::kHead));
  spec.classes = classes.value_or(1);
  try {
    Net net(spec);
    StateDict state = fitted(net, file, naming, classes ? "" : Net::kHead);
    return {std::move(spec), std::move(state), naming.name, classes.has_value()};
  } catch (const UsageError& error) {  // the file is wrong, not the user
    throw Error(error.what());
  }
}

}  // namespace retort::models
