#include "retort/weights/weight_file.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/weights/checkpoint.h"
#include "retort/weights/legacy_pth.h"
#include "retort/weights/pickle.h"
#include "retort/weights/weight_names.h"
#include "retort/weights/zip_pth.h"

namespace retort::weights {
namespace {

constexpr size_t kMaxRank = 64;  // the most dimensions that libtorch's kernels take
// Builds the tensors of one pickled file; each storage is read once.
class TensorBuilder {
 public:
  TensorBuilder(const PickledFile& file, const std::string& where) : file_(file), where_(where) {}

  at::Tensor build(const std::string& name, const PickleValue::Tensor& pickled) {
    const std::string where = where_ + ", tensor " + quote_name(name);
    if (!pickled.is_plain)
      throw Error("is a conjugate or negative view, which is not supported", where);
    const auto* storage = pickled.storage->as<PickleValue::Storage>();
    const auto* offset = pickled.offset->as<int64_t>();
    const auto sizes = dimensions(*pickled.sizes), strides = dimensions(*pickled.strides);
    if (storage == nullptr || offset == nullptr || !sizes || !strides ||
        sizes->size() != strides->size() || *offset < 0)
      throw Error("its shape is malformed", where);
    const StorageType& type = file_.pickle.storages.at(storage->key);
    if (storage->first < 0 || storage->count < 0 || storage->count > type.numel ||
        storage->first > type.numel - storage->count)
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

  static void check_inside(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                           int64_t offset, int64_t count, const std::string& where) {
    int64_t last = offset, product = 1;
    bool empty = false, overflow = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
      int64_t reach = 0;
      const int64_t steps = std::max<int64_t>(sizes[d] - 1, 0);
      empty = empty || sizes[d] == 0;
      overflow = overflow || __builtin_mul_overflow(steps, strides[d], &reach) ||
                 __builtin_add_overflow(last, reach, &last) ||
                 __builtin_mul_overflow(product, std::max<int64_t>(sizes[d], 1), &product);
    }
    if (overflow) throw Error("its shape is too large", where);
    if (empty ? offset > count : last >= count) throw Error("lies outside its storage", where);
    // Otherwise an expanded tensor of a few bytes could claim any size.
    if (!empty && product > count)
      throw Error("has more elements than its storage", where, "save it contiguous");
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

StateDict tensors_of(const PickledFile& file, const Checkpoint& checkpoint,
                     const std::string& where) {
  TensorBuilder builder(file, where);
  StateDict state;
  for (const auto& [name, tensor] : checkpoint.tensors) state[name] = builder.build(name, *tensor);
  return state;
}

WeightFile read_pickled(const PickledFile& file, std::string& wanted, const std::string& where) {
  Checkpoint checkpoint = weights_in(file.pickle, wanted, where);
  WeightFile read;
  read.tensors = tensors_of(file, checkpoint, where);
  read.set = std::move(checkpoint.set);
  read.others = std::move(checkpoint.others);
  return read;
}

[[noreturn]] void unknown_kind(std::string_view start, const std::string& where) {
  if (start.starts_with("version https://git-lfs"))
    throw Error("is a Git LFS pointer, not the weights themselves", where,
                "fetch the file: git lfs pull");
  throw Error("is neither a safetensors file nor one that torch.save wrote", where);
}

}  // namespace

WeightFile read_weight_file(const std::filesystem::path& path, const std::string& set) {
  const auto file = std::make_shared<const MappedFile>(path);
  const std::string where = path.string();
  const std::string_view start(reinterpret_cast<const char*>(file->bytes().data()),
                               std::min<size_t>(file->bytes().size(), 32));
  WeightFile read;
  std::string wanted = set;
  if (start.starts_with("PK\x03\x04")) {
    read = read_pickled(open_zip_pth(file, where), wanted, where);
  } else if (is_legacy_pth(file->bytes())) {
    read = read_pickled(open_legacy_pth(file, where), wanted, where);
  } else if (start.size() > 8 && start[8] == '{') {
    TensorFile plain = read_safetensors(path);
    read.tensors = std::move(plain.tensors);
    read.metadata = std::move(plain.metadata);
  } else {
    unknown_kind(start, where);
  }
  try {
    read.tensors = plain_names(std::move(read.tensors), wanted);
  } catch (const Error& error) {
    throw Error(error.what(), where);
  }
  if (!wanted.empty())
    throw Error("holds no weights under " + quote_name(wanted), where,
                "leave '#" + wanted + "' out");
  if (read.set.empty()) read.set = set;
  return read;
}

StateDict read_weights(const std::filesystem::path& path) { return read_weight_file(path).tensors; }

std::optional<StateDict> read_script_weights(const std::filesystem::path& path,
                                             const std::string& holding) {
  const auto file = std::make_shared<const MappedFile>(path);
  const std::string where = path.string();
  const PickledFile pickled = open_torchscript(file, where);
  const Checkpoint checkpoint = script_weights_in(pickled.pickle, where);
  const bool holds = std::ranges::any_of(checkpoint.tensors,
                                         [&](const auto& each) { return each.first == holding; });
  return holds ? std::optional(tensors_of(pickled, checkpoint, where)) : std::nullopt;
}

}  // namespace retort::weights
