#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retort/core/safetensors.h"
#include "tests/support/formula.h"

namespace retort::testing {

// What scripts/fixtures/weights.py wrote as plain.*: a tensor of each type.
inline StateDict plain_state() {
  return {{"conv.weight", formula_uniform("conv.weight", {4, 3, 2, 2})},
          {"bn.num_batches_tracked", at::scalar_tensor(7, at::kLong)},
          {"half", formula_uniform("half", {5}).to(at::kHalf)},
          {"bf16", formula_uniform("bf16", {2, 3}).to(at::kBFloat16)},
          {"double", formula_uniform("double", {3}).to(at::kDouble)},
          {"int32", at::arange(4, at::kInt)},
          {"int16", at::arange(3, at::kShort)},
          {"int8", at::arange(-2, 2, at::kChar)},
          {"uint8", at::arange(5, at::kByte)},
          {"bool", at::tensor({1, 0, 1}).to(at::kBool)},
          {"empty", at::empty({0, 3})}};
}

inline void expect_same(const StateDict& actual, const StateDict& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_TRUE(actual.contains(name)) << name;
    EXPECT_EQ(actual.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(actual.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(at::equal(actual.at(name), tensor)) << name;
  }
}

}  // namespace retort::testing
