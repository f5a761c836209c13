#include "retort/weights/legacy_pth.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::weights {
namespace {

// torch/serialization.py: MAGIC_NUMBER = 0x1950a86a20f9469cfc6c, PROTOCOL_VERSION = 1001.
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr int64_t kProtocol = 1001;

using Places = std::map<std::string, std::span<const std::byte>>;

Pickle next_pickle(std::span<const std::byte>& rest, const std::string& where) {
  Pickle pickle = read_pickle(rest, where);
  rest = rest.subspan(pickle.size);
  return pickle;
}

bool is_little_endian(const PickleValue& system) {
  const auto* dict = system.as<PickleValue::Dict>();
  if (dict == nullptr) return false;
  for (const auto& [key, value] : dict->items) {
    const auto* name = key->as<std::string>();
    const auto* flag = value->as<bool>();
    if (name != nullptr && *name == "little_endian" && flag != nullptr) return *flag;
  }
  return false;
}

// The bytes of each storage. Its length is checked against the declaration in the object's pickle.
Places find_storages(std::span<const std::byte> rest, const PickleValue& keys,
                     const std::map<std::string, StorageType>& declared, const std::string& where) {
  const auto* list = keys.as<PickleValue::Sequence>();
  if (list == nullptr) throw Error("the list of storages is missing", where);
  Places places;
  for (const PickleValue* item : list->items) {
    const auto* key = item->as<std::string>();
    const auto found = key == nullptr ? declared.end() : declared.find(*key);
    if (found == declared.end()) throw Error("holds a storage that no tensor declares", where);
    const std::string storage = where + ", storage " + quote_name(*key);
    int64_t numel = 0;
    if (rest.size() < sizeof numel) throw Error("is truncated", storage);
    std::memcpy(&numel, rest.data(), sizeof numel);
    rest = rest.subspan(sizeof numel);
    if (numel != found->second.numel)
      throw Error("has " + std::to_string(numel) + " elements, its tensors say " +
                      std::to_string(found->second.numel),
                  storage);
    uint64_t bytes = 0;
    if (numel < 0 ||
        __builtin_mul_overflow(static_cast<uint64_t>(numel), c10::elementSize(found->second.type),
                               &bytes) ||
        bytes > rest.size())
      throw Error("is truncated", storage);
    if (!places.try_emplace(*key, rest.first(bytes)).second)
      throw Error("stands there twice", storage);
    rest = rest.subspan(bytes);
  }
  return places;
}

at::Tensor copy_of(std::span<const std::byte> bytes, const StorageType& type) {
  at::Tensor storage = at::empty({type.numel}, at::TensorOptions().dtype(type.type));
  if (!bytes.empty()) std::memcpy(storage.mutable_data_ptr(), bytes.data(), bytes.size());
  return storage;
}

}  // namespace

bool is_legacy_pth(std::span<const std::byte> bytes) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 32));
  return start.starts_with('\x80') && start.find(kMagic) != std::string_view::npos;
}

PickledFile open_legacy_pth(const std::shared_ptr<const MappedFile>& file,
                            const std::string& where) {
  std::span<const std::byte> rest = file->bytes();
  const Pickle magic = next_pickle(rest, where);
  const Pickle protocol = next_pickle(rest, where);
  const Pickle system = next_pickle(rest, where);
  const auto* number = magic.root->as<PickleValue::WideInt>();
  const auto* version = protocol.root->as<int64_t>();
  if (number == nullptr || number->bytes != kMagic || version == nullptr || *version != kProtocol)
    throw Error("is not a file that torch.save wrote", where);
  if (!is_little_endian(*system.root))
    throw Error("its numbers are big-endian", where, "save it again on a little-endian machine");
  Pickle object = next_pickle(rest, where);
  const Pickle keys = next_pickle(rest, where);
  auto places =
      std::make_shared<const Places>(find_storages(rest, *keys.root, object.storages, where));
  auto read = [file, places, where](const std::string& key, const StorageType& type) {
    const auto place = places->find(key);
    if (place == places->end())
      throw Error("the storage " + quote_name(key) + " is missing", where);
    return copy_of(place->second, type);
  };
  return {std::move(object), std::move(read)};
}

}  // namespace retort::weights
