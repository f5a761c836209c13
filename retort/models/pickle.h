#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <torch/types.h>

namespace retort::models {

// What a pickle of weights may hold, as inert values: a reader of them can build and call nothing.
struct PickleValue {
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
    std::vector<std::pair<const PickleValue*, const PickleValue*>> items;
    bool is_ordered = false;
  };
  // `count` elements from element `first` on of the storage of this key: all of it, but for the storage views of very old files.
  struct Storage {
    std::string key;
    int64_t first = 0, count = 0;
  };
  // The arguments of torch._utils._rebuild_tensor, of any kind until they are checked.
  struct Tensor {
    const PickleValue *storage, *offset, *sizes, *strides;
    bool is_plain = true;  // false: a conjugate or negative view
  };

  std::variant<None, bool, int64_t, double, std::string, WideInt, Global, Sequence, Dict, Storage, Tensor> is;

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
  size_t size = 0;                              // bytes read, STOP included
};

// Reads the pickle (protocols 2 to 5) at the start of the bytes. It knows the operations and names that torch.save writes for tensors,
// dicts, lists, tuples, numbers and strings; any other operation or name is an Error, as are truncated bytes and more of them than weights
// need. `where` begins each message.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& where);

// A pickled object and what its storages hold.
struct PickledFile {
  Pickle pickle;
  // The whole storage of a key, one-dimensional. Throws Error when the file does not hold it in full.
  std::function<at::Tensor(const std::string& key, const StorageType& type)> storage;
};

}  // namespace retort::models
