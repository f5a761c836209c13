#include "retort/models/recognise.h"

#include <mutex>
#include <set>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>

#include "retort/weights/shape_text.h"

namespace retort::models {
namespace {

bool same_but_for_ones(const at::Tensor& a, const at::Tensor& b) {
  const auto without = [](const at::Tensor& tensor) {
    std::vector<int64_t> shape = tensor.sizes().vec();
    std::erase(shape, 1);
    return shape;
  };
  return without(a) == without(b);
}

}  // namespace

Naming public_naming(const std::string& name) {
  return {name, [](const std::string& ours) { return ours; }};
}

std::string name_in_file(const Naming& naming, const std::string& tensor) {
  const size_t dot = tensor.rfind('.');
  const std::string part = tensor.substr(dot + 1);
  const auto renamed = naming.tensors.find(part);
  return naming.in_file(tensor.substr(0, dot)) + "." +
         (renamed == naming.tensors.end() ? part : renamed->second);
}

std::optional<int64_t> classes_of(const StateDict& file, const std::string& head) {
  for (const char* part : {".weight", ".bias"}) {
    const auto found = file.find(head + part);
    if (found == file.end()) continue;
    const at::Tensor& tensor = found->second;
    if (tensor.dim() < 1 || tensor.size(0) < 1 || tensor.size(0) > kMaxClasses)
      throw Error("tensor '" + found->first + "' is " + weights::shape_text(tensor.sizes()) +
                  ", no classifier of 1 to " + std::to_string(kMaxClasses) + " classes");
    return tensor.size(0);
  }
  return std::nullopt;
}

StateDict fitted(ImageModel& net, const StateDict& file, const Naming& naming,
                 const std::string& absent) {
  const std::string& arch = net.spec().arch;
  StateDict state;
  std::set<std::string> placed;
  for (const auto& [name, own] : state_of(net)) {
    if (name.substr(0, name.rfind('.')) == absent) continue;
    const auto found = file.find(name_in_file(naming, name));
    if (found == file.end()) {
      if (name.ends_with(".num_batches_tracked"))
        continue;  // files from before PyTorch 0.4.1 have none
      throw Error("tensor '" + name_in_file(naming, name) + "' of " + arch + " is missing");
    }
    const auto& [theirs, tensor] = *found;
    if (!(naming.singletons ? same_but_for_ones(tensor, own) : tensor.sizes() == own.sizes()))
      throw Error("tensor '" + theirs + "' is " + weights::shape_text(tensor.sizes()) + ", not " +
                  weights::shape_text(own.sizes()) + " as " + arch + " has it");
    if (tensor.is_floating_point() != own.is_floating_point())
      throw Error("tensor '" + theirs + "' is of type " + std::string(tensor.dtype().name()) +
                  ", not " + std::string(own.dtype().name()));
    placed.insert(theirs);
    state[name] = naming.singletons ? tensor.reshape(own.sizes()) : tensor;
  }
  for (const auto& [theirs, tensor] : file)
    if (!placed.contains(theirs)) throw Error("tensor '" + theirs + "' has no place in " + arch);
  return state;
}

KeptGenerator::KeptGenerator() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  state_ = generator.get_state();
}

KeptGenerator::~KeptGenerator() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_state(state_);
}

}  // namespace retort::models
