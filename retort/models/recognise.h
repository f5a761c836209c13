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

// Reading a weight file as one of a family's networks.

inline constexpr int64_t kMaxClasses = 100000;

// How a file calls the modules of a network.
struct Naming {
  std::string name;
  std::function<std::string(const std::string& ours)> in_file;
  std::map<std::string, std::string>
      tensors{};            // last parts that are not the same: {"gamma", "layer_scale"}
  bool singletons = false;  // its tensors may have more or fewer dimensions of 1 than ours: a
                            // linear layer as a 1 × 1 convolution
};
Naming public_naming(const std::string& name);  // ours: the public implementation's
// What the file calls our tensor.
std::string name_in_file(const Naming& naming, const std::string& tensor);

// The number of classes by the classifier's tensors; nothing when the file has none of them. Throws
// Error when it is out of range.
std::optional<int64_t> classes_of(const StateDict& file, const std::string& head);

// The file's tensors under our names. Throws Error naming (as the file does) the first tensor that
// is missing, of another shape or type, or without a place in the network; the module `absent` is
// not asked for.
StateDict fitted(ImageModel& net, const StateDict& file, const Naming& naming,
                 const std::string& absent);

// Leaves torch's generator as it was found, so that looking at a file does not change what is drawn
// after it.
class KeptGenerator {
 public:
  KeptGenerator();
  ~KeptGenerator();
  KeptGenerator(const KeptGenerator&) = delete;
  KeptGenerator& operator=(const KeptGenerator&) = delete;

 private:
  at::Tensor state_;
};

// The file as weights of this architecture, with as many classes as its classifier has.
template <class Net>
Recognised recognise_as(ModelSpec spec, const StateDict& file, const Naming& naming) {
  const KeptGenerator kept;
  const std::optional<int64_t> classes = classes_of(file, naming.in_file(Net::kHead));
  spec.classes = classes.value_or(1);
  try {
    Net net(spec);
    StateDict state = fitted(net, file, naming, classes ? "" : Net::kHead);
    return {std::move(spec), std::move(state), naming.name, classes.has_value()};
  } catch (
      const UsageError& error) {  // sizes that do not go together: the file's fault, not the user's
    throw Error(error.what());
  }
}

}  // namespace retort::models
