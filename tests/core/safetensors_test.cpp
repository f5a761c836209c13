#include "retort/core/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "retort/core/file.h"
#include "tests/support/folder.h"
#include "tests/support/formula.h"
#include "tests/support/message.h"
#include "tests/support/plain_state.h"
#include "tests/support/safetensors_bytes.h"

namespace retort {
namespace {

using testing::error_of;
using testing::expect_same;
using testing::formula_uniform;
using testing::safetensors_bytes;
using testing::says;
using testing::TestFolder;

StateDict every_dtype() {
  const at::Tensor values = formula_uniform("values", {3, 5}, -100, 100);
  StateDict tensors{{"scalar", at::scalar_tensor(2.5, at::kFloat)},
                    {"empty", at::empty({0, 4})},
                    {"näme \"quoted\"", at::arange(3)}};
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                          at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors[std::string("as_") + c10::toString(type)] = (type == at::kByte   ? values.abs()
                                                         : type == at::kBool ? values > 0
                                                                             : values)
                                                            .to(type);
  }
  return tensors;
}

TEST(Safetensors, RoundTrip) {
  const TestFolder folder;
  const StateDict tensors = every_dtype();
  const Metadata metadata{{"format", "pt"}, {"what", "a \"test\"\n"}};
  write_safetensors(folder / "x.safetensors", tensors, metadata);
  const TensorFile file = read_safetensors(folder / "x.safetensors");
  expect_same(file.tensors, tensors);
  EXPECT_EQ(file.metadata, metadata);
}

TEST(Safetensors, NothingRoundTrips) {
  const TestFolder folder;
  write_safetensors(folder / "x", {});
  const TensorFile file = read_safetensors(folder / "x");
  EXPECT_TRUE(file.tensors.empty());
  EXPECT_TRUE(file.metadata.empty());
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const TensorFile file = read_safetensors(RETORT_FIXTURES "/weights/plain.safetensors");
  EXPECT_EQ(file.metadata, (Metadata{{"format", "pt"}}));
  expect_same(file.tensors, testing::plain_state());
}

TEST(Safetensors, WritesThePublicLayout) {
  const TestFolder folder;
  write_safetensors(
      folder / "x",
      {{"b", at::arange(2, at::kFloat)}, {"a", at::arange(3, at::kByte)}, {"c", at::arange(1)}},
      {{"k", "v"}});
  const std::string bytes = read_file(folder / "x");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  ASSERT_EQ(length % 8, 0u);
  ASSERT_EQ(bytes.size(), 8 + length + 8 + 8 + 3);
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  EXPECT_EQ(header, nlohmann::json::parse(
                        R"({"__metadata__": {"k": "v"},
    "c": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
    "b": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]},
    "a": {"dtype": "U8", "shape": [3], "data_offsets": [16, 19]}})"));
  EXPECT_EQ(bytes.substr(bytes.size() - 3), std::string("\0\1\2", 3));
}

TEST(Safetensors, SameTensorsGiveSameBytes) {
  const TestFolder folder;
  const at::Tensor values = formula_uniform("values", {4, 6});
  write_safetensors(folder / "a", {{"x", values}, {"y", values.t()}}, {{"k", "v"}});
  write_safetensors(folder / "b",
                    {{"y", values.t().contiguous()}, {"x", values.clone().requires_grad_()}},
                    {{"k", "v"}});
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(Safetensors, WritesViewsAsTheyLook) {
  const TestFolder folder;
  const at::Tensor values = formula_uniform("values", {4, 6});
  const StateDict tensors{{"transposed", values.t()},
                          {"slice", values.slice(1, 1, 6, 2)},
                          {"expanded", values.slice(0, 0, 1).expand({3, 6})}};
  write_safetensors(folder / "x", tensors);
  expect_same(read_safetensors(folder / "x").tensors, tensors);
}

TEST(Safetensors, TensorsKeepTheFileAlive) {
  const TestFolder folder;
  at::Tensor kept;
  {
    write_safetensors(folder / "x", {{"x", at::arange(1000, at::kFloat)}, {"y", at::zeros({10})}});
    TensorFile file = read_safetensors(folder / "x");
    kept = file.tensors.at("x");
  }
  std::filesystem::remove(folder / "x");
  EXPECT_TRUE(at::equal(kept, at::arange(1000, at::kFloat)));
}

TEST(Safetensors, CopiesWhatIsNotAligned) {
  const TestFolder folder;
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})";
  const float values[2] = {1.5F, -2};
  write_file_atomic(
      folder / "x",
      safetensors_bytes(header, "\x05" + std::string(reinterpret_cast<const char*>(values), 8)));
  const TensorFile file = read_safetensors(folder / "x");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensors.at("b").const_data_ptr()) % 4, 0u);
  expect_same(file.tensors, {{"a", at::full({1}, 5, at::kByte)}, {"b", at::tensor({1.5F, -2.0F})}});
}

TEST(Safetensors, HeaderAloneGivesShapes) {
  const TestFolder folder;
  const StateDict tensors = every_dtype();
  write_safetensors(folder / "x", tensors, {{"k", "v"}});
  const TensorFile file = read_safetensors_header(folder / "x");
  EXPECT_EQ(file.metadata.at("k"), "v");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_TRUE(tensor.is_meta()) << name;
    EXPECT_EQ(tensor.sizes(), tensors.at(name).sizes()) << name;
    EXPECT_EQ(tensor.scalar_type(), tensors.at(name).scalar_type()) << name;
  }
}

TEST(Safetensors, RefusesToWriteWhatTheFormatCannotHold) {
  const TestFolder folder;
  const auto write = [&](const StateDict& tensors, const Metadata& metadata = {}) {
    return error_of([&] { write_safetensors(folder / "x", tensors, metadata); });
  };
  EXPECT_TRUE(says(write({{"w", at::zeros({2}, at::kComplexFloat)}}),
                   "tensor 'w': has the dtype ComplexFloat"));
  EXPECT_TRUE(says(write({{"w", at::Tensor()}}), "is not a dense tensor"));
  EXPECT_TRUE(says(write({{"w", at::zeros({2}).to_sparse()}}), "is not a dense tensor"));
  EXPECT_TRUE(says(write({{"w", at::empty({2}, at::kMeta)}}), "is not a dense tensor"));
  EXPECT_TRUE(says(write({{"__metadata__", at::zeros({2})}}), "keeps this name for itself"));
  EXPECT_TRUE(says(write({{"\xff", at::zeros({2})}}), "not UTF-8"));
  EXPECT_TRUE(says(write({}, {{"k", "\xff"}}), "not UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

}  // namespace
}  // namespace retort
