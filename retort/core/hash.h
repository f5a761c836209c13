#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace retort {

struct Hash128 {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Hash128&) const = default;
  // 32 lower-case hex digits, which sort as hashes do.
  std::string hex() const;
};
// Nothing where the text is no hash.
std::optional<Hash128> hash_from(std::string_view hex);

// XXH3, 128 bits: keys of caches and checksums of files. Not for secrets.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& bytes(std::span<const std::byte> data);
  // Strings and numbers are length- or width-delimited, so that ("ab","c") and ("a","bc") differ.
  Hasher& text(std::string_view text);
  Hasher& number(int64_t value);
  Hash128 hash() const;
  std::string hex() const { return hash().hex(); }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash128 hash_of(std::span<const std::byte> data);
std::string hash_hex(std::span<const std::byte> data);
std::string hash_hex(std::string_view text);

}  // namespace retort
