#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace retort {

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
  // 32 lower-case hex digits.
  std::string hex() const;
  // Its lower 64 bits, as a number.
  uint64_t low() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_hex(std::span<const std::byte> data);
std::string hash_hex(std::string_view text);

}  // namespace retort
