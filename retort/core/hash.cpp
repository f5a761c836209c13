#include "retort/core/hash.h"

#include <xxhash.h>

#include <charconv>
#include <cstdio>
#include <stdexcept>

namespace retort {

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;

Hasher& Hasher::bytes(std::span<const std::byte> data) {
  XXH3_128bits_update(state_->xxh, data.data(), data.size());
  return *this;
}

Hasher& Hasher::text(std::string_view text) {
  number(static_cast<int64_t>(text.size()));
  return bytes(std::as_bytes(std::span(text)));
}

Hasher& Hasher::number(int64_t value) { return bytes(std::as_bytes(std::span(&value, 1))); }

Hash128 Hasher::hash() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return {hash.high64, hash.low64};
}

std::string Hash128::hex() const {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return text;
}

std::optional<Hash128> hash_from(std::string_view hex) {
  constexpr size_t kDigits = 16;
  Hash128 hash;
  if (hex.size() != 2 * kDigits) return std::nullopt;
  const char* at = hex.data();
  for (uint64_t* half : {&hash.high, &hash.low}) {
    const auto [end, error] = std::from_chars(at, at + kDigits, *half, 16);
    if (error != std::errc() || end != at + kDigits) return std::nullopt;
    at = end;
  }
  return hash;
}

Hash128 hash_of(std::span<const std::byte> data) { return Hasher().bytes(data).hash(); }
std::string hash_hex(std::span<const std::byte> data) { return Hasher().bytes(data).hex(); }
std::string hash_hex(std::string_view text) { return hash_hex(std::as_bytes(std::span(text))); }

}  // namespace retort
