#pragma once

#include <string>
#include <vector>

#include "retort/weights/pickle_stack.h"

namespace retort::weights {

inline constexpr const char* kMend =
    "save the weights alone: torch.save(model.state_dict(), path), or write a safetensors file";

// Makes the values of a pickle: numbers, containers, storages and tensors. A call makes one of
// those of the allowed names (pickle_names.h), or something inert.
class PickleObjects : public PickleStack {
 public:
  using PickleStack::PickleStack;

  // An integer of so many bytes.
  void push_long(uint32_t length);
  void push_tuple(std::vector<const PickleValue*> items);
  // To the list, the set or the dict at the top.
  void append(const std::vector<const PickleValue*>& items);
  void set_items(const std::vector<const PickleValue*>& items);
  void push_global(const std::string& module, const std::string& name);
  // ('storage', type, key, location, elements), in legacy files followed by None or the view (its
  // key, first element, elements).
  void push_storage(const PickleValue* id);
  // Of a class that is not allowed: an object that does nothing.
  void make_object(const PickleValue* type, const PickleValue* arguments);
  // A call of a function or class with a tuple of arguments.
  void reduce(const PickleValue* callee, const PickleValue* argument);
  // A state dict carries `_metadata`, the versions of its modules, as an attribute: nothing that
  // weights need.
  void build(const PickleValue* state);

  const std::string& string_of(const PickleValue* value) const;

 private:
  int64_t integer_of(const PickleValue* value) const;
  const std::vector<const PickleValue*>& tuple_of(const PickleValue* value) const;
  void push_opaque(const std::string& name);
  // (function, class, arguments, attributes): a tensor of a class of its own, or with attributes.
  void reduce_of_type(const std::vector<const PickleValue*>& arguments);
  // copyreg._reconstructor(class, object, None) is how Python 2's protocol makes an object of the
  // class.
  void reduce_opaque(const PickleValue* callee, const PickleValue* argument);
  void push_set(const PickleValue* members);
  // Python 3 writes OrderedDict() and sets its items later; Python 2 wrote OrderedDict([[key,
  // value], …]).
  void push_ordered_dict(const std::vector<const PickleValue*>& arguments);
};

}  // namespace retort::weights
