#include "retort/core/hash.h"

#include <gtest/gtest.h>

#include <vector>

namespace retort {
namespace {

// The buffer and the digests of xxHash's own sanity check (XXH3, 128 bits, seed 0).
std::vector<std::byte> sanity_buffer(size_t size) {
  std::vector<std::byte> bytes(size);
  uint64_t generator = 2654435761U;
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(generator >> 56);
    generator *= 11400714785074694797ULL;
  }
  return bytes;
}

TEST(Hasher, AgreesWithPublishedVectors) {
  EXPECT_EQ(hash_hex(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hash_hex(sanity_buffer(1)), "a6cd5e9392000f6ac44bdff4074eecdb");
  EXPECT_EQ(hash_hex(sanity_buffer(6)), "082afe0b8162d12a3e7039bdda43cfc6");
  EXPECT_EQ(hash_hex(sanity_buffer(12)), "6e3efd8fc7802b18061a192713f69ad9");
  EXPECT_EQ(hash_hex(sanity_buffer(24)), "0ce966e4678d37611e7044d28b1b901d");
  EXPECT_EQ(hash_hex(sanity_buffer(48)), "a002ac4e5478227ef942219aed80f67b");
}

TEST(Hasher, PartsGiveTheHashOfTheWhole) {
  const std::vector<std::byte> bytes = sanity_buffer(5000);
  Hasher hasher;
  for (size_t at = 0; at < bytes.size(); at += 313)
    hasher.bytes(std::span(bytes).subspan(at, std::min<size_t>(313, bytes.size() - at)));
  EXPECT_EQ(hasher.hex(), hash_hex(bytes));
}

TEST(Hasher, TextIsDelimited) {
  EXPECT_NE(Hasher().text("ab").text("c").hex(), Hasher().text("a").text("bc").hex());
  EXPECT_NE(Hasher().text("").hex(), Hasher().hex());
  EXPECT_NE(Hasher().number(1).number(0).hex(), Hasher().number(0).number(1).hex());
  EXPECT_EQ(Hasher().text("ab").number(3).hex(), Hasher().text("ab").number(3).hex());
}

TEST(Hasher, HexCanBeAskedBetweenParts) {
  Hasher hasher;
  hasher.text("a");
  const std::string first = hasher.hex();
  EXPECT_EQ(hasher.hex(), first);
  EXPECT_NE(hasher.text("b").hex(), first);
}

}  // namespace
}  // namespace retort
