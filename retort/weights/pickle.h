#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <torch/types.h>

namespace retort::weights {

// What a pickle holds beside weights, as inert values: a reader of them can build and call nothing.
struct PickleValue {
  using Items = std::vector<std::pair<const PickleValue*, const PickleValue*>>;

  struct None {};
  // An integer of more than 64 bits: its little-endian bytes.
  struct WideInt {
    std::string bytes;
  };
  // An allowed name, for example "torch.FloatStorage".
  struct Global {
    std::string name;
  };
  struct Sequence {
    std::vector<const PickleValue*> items;
    bool is_tuple = false;
  };
  struct Dict {
    Items items;
    bool is_ordered = false;
  };
  // Anything that takes another name than the allowed ones: a class or function, or an object of
  // it. Nothing of that name is looked for, let alone called; what the pickle gives to it is kept.
  struct Opaque {
    const std::string* name;  // "argparse.Namespace", in Pickle::names
    Items items{};            // set by key, as those of a dict
    const PickleValue* state = nullptr;
  };
  // `count` elements from element `first` on of the storage of this key: all of it, but for the
  // storage views of very old files.
  struct Storage {
    std::string key;
    int64_t first = 0, count = 0;
  };
  // The arguments of torch._utils._rebuild_tensor, of any kind until they are checked.
  struct Tensor {
    const PickleValue *storage, *offset, *sizes, *strides;
    bool is_plain = true;  // false: a conjugate or negative view
  };

  std::variant<None, bool, int64_t, double, std::string, WideInt, Global, Sequence, Dict, Opaque,
               Storage, Tensor>
      is;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&is);
  }
};

struct StorageType {
  at::ScalarType type;
  int64_t numel;
};

// One pickle: the values point into each other, and may do so in cycles.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::map<std::string, StorageType> storages;  // by key, as the persistent ids declare them
  std::set<std::string> names;                  // of what is opaque
  size_t size = 0;                              // bytes read, STOP included
};

// Reads the pickle (protocols 2 to 5) at the start of the bytes. It knows the names that torch.save
// writes for tensors, dicts, lists, tuples, sets, numbers and strings; whatever takes another name
// is Opaque, but for functions that run programs, which are an Error wherever they stand. An
// operation outside those protocols is an Error, as are a call of an allowed name with other
// arguments, truncated bytes, and more of them than weights need. `where` begins each message.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where);

// A pickled object and what its storages hold.
struct PickledFile {
  Pickle pickle;
  // The whole storage of a key, one-dimensional. Throws Error when the file does not hold it in
  // full.
  std::function<at::Tensor(const std::string& key, const StorageType& type)> storage;
};

}  // namespace retort::weights
