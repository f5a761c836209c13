#pragma once

#include <cstdint>
#include <cstring>
#include <string>

namespace retort::testing::pickle {

// Pieces of protocol-2 pickles, to be joined with +.

template <typename T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string text(const std::string& value) {
  return "X" + raw(static_cast<uint32_t>(value.size())) + value;
}

inline std::string number(int64_t value) { return std::string("\x8a\x08", 2) + raw(value); }

inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string tuple(const std::string& items) { return "(" + items + "t"; }

inline std::string call(const std::string& callee, const std::string& arguments) {
  return callee + tuple(arguments) + "R";
}

inline std::string ordered_dict() { return call(global("collections", "OrderedDict"), ""); }

inline std::string dict(const std::string& items) { return "}(" + items + "u"; }

inline std::string whole(const std::string& object) { return "\x80\x02" + object + "."; }

// `view` is the sixth field of a legacy file's persistent id; "N" for None.
inline std::string storage(const std::string& key, int64_t numel,
                           const std::string& type = "FloatStorage", const std::string& view = "") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + number(numel) +
               view) +
         "Q";
}

inline std::string tensor(const std::string& storage_id, int64_t offset, const std::string& sizes,
                          const std::string& strides) {
  return call(
      global("torch._utils", "_rebuild_tensor_v2"),
      storage_id + number(offset) + tuple(sizes) + tuple(strides) + "\x89" + ordered_dict());
}

inline std::string legacy_start() {
  return whole(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12)) +
         whole(number(1001)) + whole(dict(text("little_endian") + "\x88"));
}

}  // namespace retort::testing::pickle
