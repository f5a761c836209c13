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

// The objects of a pickle as plain data. Reading them creates no Python object and calls nothing.
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
  // A class or function whose name is not allowed, or an object of it. Nothing of that name is
  // looked up or called; only the data that the pickle assigns to it is kept.
  struct Opaque {
    const std::string* name;  // such as "argparse.Namespace"; points into Pickle::names
    Items items{};            // set by key, as those of a dict
    const PickleValue* state = nullptr;
  };
  // Elements [first, first + count) of the storage with this key. This is the whole storage, except
  // for storage views in very old files.
  struct Storage {
    std::string key;
    int64_t first = 0, count = 0;
  };
  // The arguments of torch._utils._rebuild_tensor. They are values of any kind until TensorBuilder
  // checks them.
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

// One pickle. Its values point to each other, also in cycles.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  std::map<std::string, StorageType> storages;  // by key, as the persistent ids declare them
  std::set<std::string> names;                  // of Opaque values
  size_t size = 0;                              // bytes read, STOP included
};

// Reads the pickle (protocols 2 to 5) at the start of the bytes. It knows the names that torch.save
// writes for tensors, dicts, lists, tuples, sets, numbers and strings; any other name becomes
// Opaque. Throws Error, beginning with `where`, on names of functions that run programs, on an
// operation outside these protocols, on a call of an allowed name with other arguments, on
// truncated bytes, and on a pickle longer than weights need.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where);

// A pickled object and the data of its storages.
struct PickledFile {
  Pickle pickle;
  // The whole storage of a key, one-dimensional. Throws Error when the file does not have all of
  // it.
  std::function<at::Tensor(const std::string& key, const StorageType& type)> storage;
};

}  // namespace retort::weights
