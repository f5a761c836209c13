#include "retort/models/weight_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/models/legacy_pth.h"
#include "retort/models/pickle.h"
#include "retort/models/zip_pth.h"

namespace retort::models {
namespace {

constexpr size_t kMaxRank = 64;  // what libtorch's own kernels accept
constexpr int kMaxNesting = 4;
constexpr std::array<std::string_view, 5> kWrappers{"state_dict_ema", "state_dict", "model_state_dict", "model", "net"};

using Dict = PickleValue::Dict;

bool holds_tensors(const Dict& dict) {
  return std::ranges::any_of(dict.items, [](const auto& item) {
    return item.first->template as<std::string>() != nullptr && item.second->template as<PickleValue::Tensor>() != nullptr;
  });
}

// The value of the last item of that name, as a dict has it.
const PickleValue* find(const Dict& dict, std::string_view name) {
  const PickleValue* found = nullptr;
  for (const auto& [key, value] : dict.items) {
    const auto* text = key->as<std::string>();
    if (text != nullptr && *text == name) found = value;
  }
  return found;
}

// `seen`: a dict may hold itself, under several of these names.
const Dict* unwrap(const PickleValue& value, std::set<const Dict*>& seen, int depth = 0) {
  const auto* dict = value.as<Dict>();
  if (dict == nullptr || depth > kMaxNesting || !seen.insert(dict).second) return nullptr;
  for (const std::string_view wrapper : kWrappers) {
    const PickleValue* inner = find(*dict, wrapper);
    if (inner == nullptr) continue;
    if (const Dict* found = unwrap(*inner, seen, depth + 1)) return found;
  }
  return holds_tensors(*dict) ? dict : nullptr;
}

std::string glimpse(const PickleValue& root) {
  const auto* dict = root.as<Dict>();
  if (dict == nullptr) return "is not a dict of tensors";
  std::string names;
  size_t shown = 0;
  for (const auto& [key, value] : dict->items) {
    const auto* text = key->as<std::string>();
    if (text == nullptr || ++shown > 6) continue;
    names += (shown > 1 ? ", " : "") + quote_name(*text);
  }
  return "holds no tensors by name, only " + (names.empty() ? "an empty dict" : names + (shown > 6 ? ", …" : ""));
}

// Builds the tensors of one pickled file; each storage is read once.
class TensorBuilder {
 public:
  TensorBuilder(const PickledFile& file, const std::string& where) : file_(file), where_(where) {}

  at::Tensor build(const std::string& name, const PickleValue::Tensor& pickled) {
    const std::string where = where_ + ", tensor " + quote_name(name);
    if (!pickled.is_plain) throw Error("is a conjugate or negative view, which is not supported", where);
    const auto* storage = pickled.storage->as<PickleValue::Storage>();
    const auto* offset = pickled.offset->as<int64_t>();
    const auto sizes = dimensions(*pickled.sizes), strides = dimensions(*pickled.strides);
    if (storage == nullptr || offset == nullptr || !sizes || !strides || sizes->size() != strides->size() || *offset < 0)
      throw Error("its shape is malformed", where);
    const StorageType& type = file_.pickle.storages.at(storage->key);
    if (storage->first < 0 || storage->count < 0 || storage->count > type.numel || storage->first > type.numel - storage->count)
      throw Error("its storage view lies outside the storage", where);
    check_inside(*sizes, *strides, *offset, storage->count, where);
    return load(storage->key, type, name).as_strided(*sizes, *strides, storage->first + *offset);
  }

 private:
  // Non-negative integers, or nothing.
  static std::optional<std::vector<int64_t>> dimensions(const PickleValue& value) {
    const auto* sequence = value.as<PickleValue::Sequence>();
    if (sequence == nullptr || sequence->items.size() > kMaxRank) return std::nullopt;
    std::vector<int64_t> numbers;
    for (const PickleValue* item : sequence->items) {
      const auto* number = item->as<int64_t>();
      if (number == nullptr || *number < 0) return std::nullopt;
      numbers.push_back(*number);
    }
    return numbers;
  }

  static void check_inside(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides, int64_t offset, int64_t count,
                           const std::string& where) {
    int64_t last = offset, product = 1;
    bool empty = false, overflow = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
      int64_t reach = 0;
      const int64_t steps = std::max<int64_t>(sizes[d] - 1, 0);
      empty = empty || sizes[d] == 0;
      overflow = overflow || __builtin_mul_overflow(steps, strides[d], &reach) || __builtin_add_overflow(last, reach, &last) ||
                 __builtin_mul_overflow(product, std::max<int64_t>(sizes[d], 1), &product);
    }
    if (overflow) throw Error("its shape is too large", where);
    if (empty ? offset > count : last >= count) throw Error("lies outside its storage", where);
    // An expanded tensor of a few bytes could otherwise claim any size.
    if (!empty && product > count) throw Error("has more elements than its storage", where, "save it contiguous");
  }

  const at::Tensor& load(const std::string& key, const StorageType& type, const std::string& name) {
    const auto known = loaded_.find(key);
    if (known != loaded_.end()) return known->second;
    try {
      return loaded_[key] = file_.storage(key, type);
    } catch (const Error& error) {
      throw Error(error.what(), "tensor " + quote_name(name));
    }
  }

  const PickledFile& file_;
  std::string where_;
  std::map<std::string, at::Tensor> loaded_;
};

StateDict tensors_of(const PickledFile& file, const std::string& where) {
  std::set<const Dict*> seen;
  const Dict* dict = unwrap(*file.pickle.root, seen);
  if (dict == nullptr) throw Error(glimpse(*file.pickle.root), where);
  TensorBuilder builder(file, where);
  StateDict state;
  for (const auto& [key, value] : dict->items) {
    const auto* name = key->as<std::string>();
    const auto* tensor = value->as<PickleValue::Tensor>();
    if (name != nullptr && tensor != nullptr) state[*name] = builder.build(*name, *tensor);
  }
  return state;
}

StateDict without_module_prefix(StateDict state) {
  constexpr std::string_view kPrefix = "module.";
  if (!std::ranges::all_of(state, [&](const auto& item) { return item.first.starts_with(kPrefix); })) return state;
  StateDict plain;
  for (auto& [name, tensor] : state) plain[name.substr(kPrefix.size())] = std::move(tensor);
  return plain;
}

[[noreturn]] void unknown_kind(std::string_view start, const std::string& where) {
  if (start.starts_with("version https://git-lfs"))
    throw Error("is a Git LFS pointer, not the weights themselves", where, "fetch the file: git lfs pull");
  throw Error("is neither a safetensors file nor one that torch.save wrote", where);
}

}  // namespace

TensorFile read_weight_file(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  const std::string where = path.string();
  const std::string_view start(reinterpret_cast<const char*>(file->bytes().data()), std::min<size_t>(file->bytes().size(), 32));
  TensorFile read;
  if (start.starts_with("PK\x03\x04")) {
    read.tensors = tensors_of(open_zip_pth(file, where), where);
  } else if (is_legacy_pth(file->bytes())) {
    read.tensors = tensors_of(open_legacy_pth(file, where), where);
  } else if (start.size() > 8 && start[8] == '{') {
    read = read_safetensors(path);
  } else {
    unknown_kind(start, where);
  }
  read.tensors = without_module_prefix(std::move(read.tensors));
  return read;
}

StateDict read_weights(const std::filesystem::path& path) { return read_weight_file(path).tensors; }

}  // namespace retort::models
