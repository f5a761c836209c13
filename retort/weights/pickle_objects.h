#pragma once

#include <string>
#include <vector>

#include "retort/weights/pickle_stack.h"

namespace retort::weights {

inline constexpr const char* kMend =
    "save the weights alone: torch.save(model.state_dict(), path), or write a safetensors file";

// Makes the values of a pickle: numbers, containers, storages and tensors. A call of an allowed
// name (pickle_names.h) makes one of these, any other call an Opaque. Each function throws Error,
// naming the byte, where the pickle does not fit.
class PickleObjects : public PickleStack {
 public:
  using PickleStack::PickleStack;

  // Pushes an integer of this many bytes, at most 255.
  void push_long(uint32_t length);
  void push_tuple(std::vector<const PickleValue*> items);
  // Add to the list, the set or the dict at the top of the stack.
  void append(const std::vector<const PickleValue*>& items);
  void set_items(const std::vector<const PickleValue*>& items);
  void push_global(const std::string& module, const std::string& name);
  // `id` is ('storage', type, key, location, elements), in legacy files followed by None or by the
  // view (its key, first element, elements).
  void push_storage(const PickleValue* id);
  // Pushes an Opaque object of a class that is not allowed.
  void make_object(const PickleValue* type, const PickleValue* arguments);
  // Carries out a call of a function or class with a tuple of arguments.
  void reduce(const PickleValue* callee, const PickleValue* argument);
  // Sets the state of an Opaque object. It ignores the state of an OrderedDict: a state dict has
  // `_metadata`, the versions of its modules, as an attribute, which weights do not need.
  void build(const PickleValue* state);

  const std::string& string_of(const PickleValue* value) const;

 private:
  int64_t integer_of(const PickleValue* value) const;
  const std::vector<const PickleValue*>& tuple_of(const PickleValue* value) const;
  void push_opaque(const std::string& name);
  // `arguments` are (function, class, arguments, attributes): a tensor of a subclass or with
  // attributes.
  void reduce_of_type(const std::vector<const PickleValue*>& arguments);
  // Python 2's protocol makes an object of a class by copyreg._reconstructor(class, object, None).
  void reduce_opaque(const PickleValue* callee, const PickleValue* argument);
  void push_set(const PickleValue* members);
  // Python 3 writes OrderedDict() and sets its items later; Python 2 wrote OrderedDict([[key,
  // value], …]).
  void push_ordered_dict(const std::vector<const PickleValue*>& arguments);
};

}  // namespace retort::weights
