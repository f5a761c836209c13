#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "retort/core/file.h"
#include "retort/core/safetensors.h"
#include "tests/support/folder.h"
#include "tests/support/message.h"
#include "tests/support/safetensors_bytes.h"

namespace retort {
namespace {

using testing::error_of;
using testing::put;
using testing::safetensors_bytes;
using testing::says;
using testing::TestFolder;

class SafetensorsHostile : public ::testing::Test {
 protected:
  // Both readers must refuse, in the same words.
  std::string refusal(const std::string& bytes) {
    put(folder_ / "x", bytes);
    const std::string message = error_of([&] { read_safetensors(folder_ / "x"); });
    EXPECT_EQ(error_of([&] { read_safetensors_header(folder_ / "x"); }), message);
    return message;
  }
  std::string refusal_of_header(const std::string& header, size_t data = 8) {
    return refusal(safetensors_bytes(header, std::string(data, '\0')));
  }
  // The refusal of a header with the single F32 tensor 'w' of this shape and these offsets.
  std::string refusal_of(const std::string& shape, const std::string& offsets,
                         const std::string& dtype = "F32") {
    return refusal_of_header(R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape +
                             R"(,"data_offsets":)" + offsets + "}}");
  }
  // Whether all values can be read, or reading throws Error; other exceptions pass through.
  bool survives(const std::string& bytes) {
    put(folder_ / "x", bytes);
    try {
      for (const auto& [name, tensor] : read_safetensors(folder_ / "x").tensors)
        tensor.to(at::kDouble).sum().item<double>();
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  const TestFolder folder_;
};

TEST_F(SafetensorsHostile, HeaderLength) {
  EXPECT_TRUE(says(refusal(""), "too short"));
  EXPECT_TRUE(says(refusal("1234567"), "too short"));
  EXPECT_TRUE(says(refusal(safetensors_bytes("{}", "", 3)), "the header is truncated"));
  EXPECT_TRUE(says(refusal(safetensors_bytes("{}", "", 100'000'001)), "longer than 100 MB"));
  EXPECT_TRUE(says(refusal(safetensors_bytes("{}", "", std::numeric_limits<uint64_t>::max())),
                   "longer than 100 MB"));
  EXPECT_TRUE(says(refusal(safetensors_bytes("{}", "", std::numeric_limits<uint64_t>::max() - 7)),
                   "longer than 100 MB"));
  EXPECT_TRUE(says(refusal(safetensors_bytes("", "")), "does not begin with '{'"));
}

TEST_F(SafetensorsHostile, NotJson) {
  for (const char* header : {"{", "{}x", "{\"a\"}", "{'a':1}", "{\"a\":{}} {", "{\"\xff\":{}}"})
    EXPECT_TRUE(says(refusal_of_header(header), "the header is malformed")) << header;
  EXPECT_TRUE(says(refusal_of_header(" {}"), "does not begin with '{'"));
  EXPECT_TRUE(says(refusal_of_header("[]"), "does not begin with '{'"));
}

TEST_F(SafetensorsHostile, NestingEndsAtOnce) {
  constexpr size_t kDepth = 5'000'000;
  EXPECT_TRUE(says(refusal_of_header("{\"a\":" + std::string(kDepth, '[')), "unexpected '['"));
  std::string objects = "{";
  for (size_t i = 0; i < kDepth / 5; ++i) objects += "\"a\":{";
  EXPECT_TRUE(says(refusal_of_header(objects), "malformed"));
  EXPECT_TRUE(says(refusal_of_header(R"({"w":{"dtype":"F32","shape":)" + std::string(kDepth, '[')),
                   "malformed"));
}

TEST_F(SafetensorsHostile, Grammar) {
  for (const char* header :
       {R"({"w":1})", R"({"w":null})", R"({"w":[]})", R"({"w":"F32"})", R"({"w":{"dtype":1}})",
        R"({"w":{"dtype":["F32"]}})", R"({"w":{"shape":"x"}})", R"({"w":{"shape":{}}})",
        R"({"w":{"shape":[true]}})", R"({"w":{"shape":[[1]]}})", R"({"w":{"extra":[1]}})",
        R"({"__metadata__":[]})", R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":{}}})",
        R"({"__metadata__":{"a":null}})"}) {
    EXPECT_TRUE(says(refusal_of_header(header), "malformed")) << header;
  }
  EXPECT_TRUE(says(refusal_of_header(R"({"w":{}})"), "lacks its dtype, shape or data_offsets"));
  EXPECT_TRUE(
      says(refusal_of_header(R"({"w":{"shape":[2],"data_offsets":[0,8]}})"), "lacks its dtype"));
}

TEST_F(SafetensorsHostile, DuplicateKeys) {
  const std::string w = R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_TRUE(says(refusal_of_header("{" + w + "," + w + "}"), "'w' stands there twice"));
  EXPECT_TRUE(says(refusal_of_header(R"({"__metadata__":{},"__metadata__":{},)" + w + "}"),
                   "'__metadata__' stands there twice"));
  EXPECT_TRUE(says(refusal_of_header(R"({"__metadata__":{"a":"1","a":"2"},)" + w + "}"),
                   "'a' stands there twice"));
  EXPECT_TRUE(says(
      refusal_of_header(R"({"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
      "'dtype' stands there twice"));
  EXPECT_TRUE(says(
      refusal_of_header(R"({"w":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}})"),
      "'shape' stands there twice"));
  EXPECT_TRUE(
      says(refusal_of_header(
               R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,8]}})"),
           "'data_offsets' stands there twice"));
}

TEST_F(SafetensorsHostile, Shapes) {
  EXPECT_TRUE(says(refusal_of("[3]", "[0,8]"), "needs 12 bytes, the file holds 8"));
  EXPECT_TRUE(says(refusal_of("[]", "[0,8]"), "needs 4 bytes"));
  EXPECT_TRUE(says(refusal_of("[0]", "[0,8]"), "needs 0 bytes"));
  EXPECT_TRUE(says(refusal_of("[-2]", "[0,8]"), "a negative number"));
  EXPECT_TRUE(says(refusal_of("[2.0]", "[0,8]"), "not an integer"));
  EXPECT_TRUE(says(refusal_of("[9223372036854775808]", "[0,8]"), "shape is too large"));
  EXPECT_TRUE(says(refusal_of("[18446744073709551615]", "[0,8]"), "shape is too large"));
  EXPECT_TRUE(says(refusal_of("[18446744073709551616]", "[0,8]"), "too large"));
  // 2^62 · 2^62 · 4 and 2^31 · 2^33 · 4 are 0 in 64 bits.
  EXPECT_TRUE(
      says(refusal_of("[4611686018427387904,4611686018427387904]", "[0,0]"), "shape is too large"));
  EXPECT_TRUE(says(refusal_of("[2147483648,8589934592]", "[0,0]"), "shape is too large"));
  EXPECT_TRUE(says(refusal_of("[4611686018427387904,0,8]", "[0,0]"), "shape is too large"));
  EXPECT_TRUE(says(refusal_of("[2,0,4611686018427387904]", "[0,0]"), "shape is too large"));
  std::string many = "[1";
  for (int i = 0; i < 64; ++i) many += ",1";
  EXPECT_TRUE(says(refusal_of(many + "]", "[0,4]"), "more than 64 dimensions"));
}

TEST_F(SafetensorsHostile, Offsets) {
  EXPECT_TRUE(says(refusal_of("[4]", "[0,16]"), "tensor 'w': its bytes lie outside the file"));
  EXPECT_TRUE(says(refusal_of("[2]", "[8,16]"), "outside the file"));
  EXPECT_TRUE(says(refusal_of("[2]", "[8,0]"), "outside the file"));
  EXPECT_TRUE(
      says(refusal_of("[2]", "[18446744073709551608,18446744073709551615]"), "outside the file"));
  EXPECT_TRUE(says(refusal_of("[2]", "[-8,0]"), "negative"));
  EXPECT_TRUE(says(refusal_of("[2]", "[0]"), "not a pair"));
  EXPECT_TRUE(says(refusal_of("[2]", "[0,4,8]"), "not a pair"));
}

TEST_F(SafetensorsHostile, OverlapsAndHoles) {
  const auto two = [](const char* a, const char* b) {
    return std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + a +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
  };
  EXPECT_TRUE(survives(safetensors_bytes(two("[0,4]", "[4,8]"), "12345678")));
  EXPECT_TRUE(says(refusal_of_header(two("[0,4]", "[0,4]"), 8), "tensor 'b': its bytes overlap"));
  EXPECT_TRUE(says(refusal_of_header(two("[0,4]", "[3,7]"), 8), "tensor 'b': its bytes overlap"));
  EXPECT_TRUE(
      says(refusal_of_header(two("[5,9]", "[0,4]"), 9), "tensor 'a': there are bytes before it"));
  EXPECT_TRUE(
      says(refusal_of_header(two("[1,5]", "[5,9]"), 9), "tensor 'a': there are bytes before it"));
  EXPECT_TRUE(says(refusal_of_header(two("[0,4]", "[4,8]"), 9), "after the last tensor"));
  EXPECT_TRUE(says(refusal_of_header("{}", 1), "after the last tensor"));
}

TEST_F(SafetensorsHostile, Dtypes) {
  EXPECT_TRUE(says(refusal_of("[8]", "[0,8]", "F8_E4M3"),
                   "tensor 'w': has the dtype 'F8_E4M3', which is not supported"));
  EXPECT_TRUE(says(refusal_of("[2]", "[0,8]", "f32"), "dtype 'f32'"));
  EXPECT_TRUE(says(refusal_of("[2]", "[0,8]", ""), "dtype ''"));
}

TEST_F(SafetensorsHostile, NamesTheFile) {
  EXPECT_TRUE(says(refusal("x"), (folder_ / "x").string()));
}

std::string small_file(const TestFolder& folder) {
  write_safetensors(
      folder / "small",
      {{"w", at::arange(3, at::kFloat)}, {"b", at::arange(2)}, {"m", at::ones({3}, at::kBool)}},
      {{"k", "v"}});
  return read_file(folder / "small");
}

TEST_F(SafetensorsHostile, EveryTruncationIsRefused) {
  const std::string bytes = small_file(folder_);
  ASSERT_TRUE(survives(bytes));
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(survives(bytes.substr(0, length))) << length;
}

TEST_F(SafetensorsHostile, EveryFlippedByteIsSurvived) {
  const std::string bytes = small_file(folder_);
  size_t refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x10, 0x80, 0xff}) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ mask);
      refused += survives(flipped) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, bytes.size());
}

}  // namespace
}  // namespace retort
