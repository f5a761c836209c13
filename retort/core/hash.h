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
  // 32 lower-case hex digits, which sort in the same order as the hashes.
  std::string hex() const;
};
// Reads 32 hex digits; nothing on any other text.
std::optional<Hash128> hash_from(std::string_view hex);

// XXH3 with 128 bits, for keys of caches and checksums of files. Not a cryptographic hash.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& bytes(std::span<const std::byte> data);
  // A text is hashed after its length, a number as 8 bytes, so that ("ab","c") and ("a","bc")
  // differ.
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
