#include "retort/core/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"

namespace retort {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tensors are mapped as they lie in the file, which is little-endian");

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxRank = 64;  // what libtorch's own kernels accept
constexpr const char* kMetadataKey = "__metadata__";

struct NamedType {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<NamedType, 10> kTypes{{{"F64", at::kDouble},
                                            {"F32", at::kFloat},
                                            {"F16", at::kHalf},
                                            {"BF16", at::kBFloat16},
                                            {"I64", at::kLong},
                                            {"I32", at::kInt},
                                            {"I16", at::kShort},
                                            {"I8", at::kChar},
                                            {"U8", at::kByte},
                                            {"BOOL", at::kBool}}};

std::optional<at::ScalarType> type_named(std::string_view name) {
  for (const NamedType& known : kTypes) {
    if (known.name == name) return known.type;
  }
  return std::nullopt;
}

std::optional<std::string_view> name_of(at::ScalarType type) {
  for (const NamedType& known : kTypes) {
    if (known.type == type) return known.name;
  }
  return std::nullopt;
}

struct Entry {
  std::string dtype_name;
  std::optional<std::vector<uint64_t>> shape, offsets;
  bool has_dtype = false;
};

struct Header {
  std::map<std::string, Entry> entries;
  Metadata metadata;
};

// Accepts exactly the header's grammar, which is three levels deep: a hostile header that nests
// more fails at its fourth bracket.
class HeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  Header header;
  std::string problem;

  bool null() override { return fail("null is not allowed"); }
  bool boolean(bool) override { return fail("true and false are not allowed"); }
  bool number_integer(number_integer_t) override { return fail("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return fail("a number that is not an integer, or too large");
  }
  bool binary(binary_t&) override { return fail("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (level_ != Level::kArray) return fail("an unexpected number");
    if (array_->size() >= kMaxRank) return fail("more than 64 dimensions");
    array_->push_back(value);
    return true;
  }

  bool string(string_t& text) override {
    if (level_ == Level::kMetadata) {
      header.metadata[key_] = text;
      return true;
    }
    if (level_ != Level::kEntry || key_ != "dtype") return fail("an unexpected string");
    entry_->dtype_name = text;
    entry_->has_dtype = true;
    return true;
  }

  bool start_object(size_t) override {
    if (level_ == Level::kOutside) {
      level_ = Level::kTop;
    } else if (level_ == Level::kTop) {
      level_ = key_ == kMetadataKey ? Level::kMetadata : Level::kEntry;
      if (level_ == Level::kEntry) entry_ = &header.entries[key_];
    } else {
      return fail("an unexpected '{'");
    }
    return true;
  }

  bool key(string_t& name) override {
    const bool seen = level_ == Level::kTop
                          ? (name == kMetadataKey ? std::exchange(has_metadata_, true)
                                                  : header.entries.contains(name))
                      : level_ == Level::kMetadata ? header.metadata.contains(name)
                      : name == "dtype"            ? entry_->has_dtype
                      : name == "shape"            ? entry_->shape.has_value()
                      : name == "data_offsets"     ? entry_->offsets.has_value()
                                                   : false;
    if (seen) return fail("the key " + quote_name(name) + " stands there twice");
    if (level_ == Level::kEntry && name != "dtype" && name != "shape" && name != "data_offsets")
      return fail("the unknown field " + quote_name(name));
    if (level_ == Level::kTop) where_ = name;
    key_ = name;
    return true;
  }

  bool end_object() override {
    level_ = level_ == Level::kTop ? Level::kOutside : Level::kTop;
    return true;
  }

  bool start_array(size_t) override {
    if (level_ != Level::kEntry || key_ == "dtype") return fail("an unexpected '['");
    std::optional<std::vector<uint64_t>>& field = key_ == "shape" ? entry_->shape : entry_->offsets;
    array_ = &field.emplace();
    level_ = Level::kArray;
    return true;
  }

  bool end_array() override {
    level_ = Level::kEntry;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return fail("not valid JSON at byte " + std::to_string(position));
  }

 private:
  enum class Level { kOutside, kTop, kMetadata, kEntry, kArray };

  bool fail(const std::string& what) {
    problem =
        "the header is malformed: " + what + (where_.empty() ? "" : ", at " + quote_name(where_));
    return false;
  }

  Level level_ = Level::kOutside;
  bool has_metadata_ = false;
  std::string key_, where_;
  Entry* entry_ = nullptr;
  std::vector<uint64_t>* array_ = nullptr;
};

struct Placed {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};

// Parsed and checked; `data` is the part of the file after the header.
struct Layout {
  Metadata metadata;
  std::vector<Placed> tensors;
  std::span<const std::byte> data;
};

// The bytes of a tensor of this shape; nothing on overflow. A dimension of 0 counts as 1 in that
// check, since libtorch multiplies the other dimensions into strides.
std::optional<uint64_t> byte_count(const std::vector<uint64_t>& shape, at::ScalarType type) {
  uint64_t product = c10::elementSize(type);
  bool empty = false;
  for (const uint64_t size : shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(product, std::max<uint64_t>(size, 1), &product)) return std::nullopt;
    if (product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  }
  return empty ? 0 : product;
}

Placed place(const std::string& name, const Entry& entry, uint64_t data_size,
             const std::string& file) {
  const std::string where = file + ", tensor " + quote_name(name);
  if (!entry.has_dtype || !entry.shape || !entry.offsets)
    throw Error("lacks its dtype, shape or data_offsets", where);
  const std::optional<at::ScalarType> type = type_named(entry.dtype_name);
  if (!type)
    throw Error("has the dtype " + quote_name(entry.dtype_name) + ", which is not supported", where,
                "convert it to F32, F16 or BF16");
  if (entry.offsets->size() != 2) throw Error("data_offsets is not a pair", where);
  const uint64_t begin = entry.offsets->front(), end = entry.offsets->back();
  if (begin > end || end > data_size)
    throw Error("its bytes lie outside the file, which is truncated or damaged", where);
  const std::optional<uint64_t> bytes = byte_count(*entry.shape, *type);
  if (!bytes) throw Error("its shape is too large", where);
  if (*bytes != end - begin) {
    throw Error("its shape needs " + std::to_string(*bytes) + " bytes, the file holds " +
                    std::to_string(end - begin),
                where);
  }
  return {name, *type, {entry.shape->begin(), entry.shape->end()}, begin, end};
}

void check_tiling(std::vector<Placed>& tensors, uint64_t data_size, const std::string& file) {
  std::sort(tensors.begin(), tensors.end(), [](const Placed& a, const Placed& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t at = 0;
  for (const Placed& tensor : tensors) {
    const std::string where = file + ", tensor " + quote_name(tensor.name);
    if (tensor.begin < at) throw Error("its bytes overlap another tensor's", where);
    if (tensor.begin > at) throw Error("there are bytes before it that belong to no tensor", where);
    at = tensor.end;
  }
  if (at != data_size)
    throw Error("there are bytes after the last tensor that belong to no tensor", file);
}

Layout parse(std::span<const std::byte> file, const std::string& path) {
  uint64_t length = 0;
  if (file.size() < sizeof length) throw Error("is too short to be a safetensors file", path);
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kMaxHeader)
    throw Error("is not a safetensors file, or its header is longer than 100 MB", path);
  if (length > file.size() - sizeof length) throw Error("the header is truncated", path);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + sizeof length, length);
  if (!text.starts_with('{'))
    throw Error("is not a safetensors file: its header does not begin with '{'", path);

  HeaderParser parser;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &parser))
    throw Error(parser.problem, path);

  Layout layout{std::move(parser.header.metadata), {}, file.subspan(sizeof length + length)};
  for (const auto& [name, entry] : parser.header.entries)
    layout.tensors.push_back(place(name, entry, layout.data.size(), path));
  check_tiling(layout.tensors, layout.data.size(), path);
  return layout;
}

at::Tensor view_of(const Placed& tensor, std::span<const std::byte> data,
                   const std::shared_ptr<const MappedFile>& map) {
  const auto options = at::TensorOptions().dtype(tensor.type);
  const std::byte* address = data.data() + tensor.begin;
  const bool aligned = reinterpret_cast<uintptr_t>(address) % c10::elementSize(tensor.type) == 0;
  if (aligned && tensor.end > tensor.begin)
    return at::from_blob(
        const_cast<std::byte*>(address), tensor.shape, [map](void*) {}, options);
  at::Tensor copy = at::empty(tensor.shape, options);
  if (tensor.end > tensor.begin)
    std::memcpy(copy.mutable_data_ptr(), address, tensor.end - tensor.begin);
  return copy;
}

// Widest first, so that every tensor starts aligned for its type; then by name.
std::vector<const StateDict::value_type*> in_file_order(const StateDict& tensors) {
  std::vector<const StateDict::value_type*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->second.element_size() > b->second.element_size();
  });
  return order;
}

void check_writable(const std::string& name, const at::Tensor& tensor, const std::string& file) {
  const std::string where = file + ", tensor " + quote_name(name);
  if (name == kMetadataKey) throw Error("the format keeps this name for itself", where);
  if (!tensor.defined() || tensor.layout() != at::kStrided || tensor.is_meta())
    throw Error("is not a dense tensor with values", where);
  if (!name_of(tensor.scalar_type()))
    throw Error(std::string("has the dtype ") + c10::toString(tensor.scalar_type()) +
                    ", which is not supported",
                where);
}

std::string header_text(const std::vector<const StateDict::value_type*>& order,
                        const Metadata& metadata, const std::string& file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  uint64_t at = 0;
  for (const auto* item : order) {
    const at::Tensor& tensor = item->second;
    const uint64_t end = at + tensor.nbytes();
    header[item->first] = {{"dtype", *name_of(tensor.scalar_type())},
                           {"shape", tensor.sizes().vec()},
                           {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw Error("a tensor name or a metadata entry is not UTF-8", file);
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeader) throw Error("the header would be longer than 100 MB", file);
  return text;
}

}  // namespace

TensorFile read_safetensors(const std::filesystem::path& path) {
  const auto map = std::make_shared<const MappedFile>(path);
  Layout layout = parse(map->bytes(), path.string());
  TensorFile file{{}, std::move(layout.metadata)};
  for (const Placed& tensor : layout.tensors)
    file.tensors[tensor.name] = view_of(tensor, layout.data, map);
  return file;
}

TensorFile read_safetensors_header(const std::filesystem::path& path) {
  const MappedFile map(path);
  Layout layout = parse(map.bytes(), path.string());
  TensorFile file{{}, std::move(layout.metadata)};
  for (const Placed& tensor : layout.tensors) {
    file.tensors[tensor.name] =
        at::empty(tensor.shape, at::TensorOptions().dtype(tensor.type).device(at::kMeta));
  }
  return file;
}

void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors) check_writable(name, tensor, path.string());
  const auto order = in_file_order(tensors);
  const std::string header = header_text(order, metadata, path.string());
  const uint64_t length = header.size();

  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (const auto* item : order) {
    const at::Tensor plain = item->second.detach().to(at::kCPU).contiguous();
    if (plain.nbytes() > 0) file.write(bytes_of(plain));
  }
  file.commit();
}

}  // namespace retort
