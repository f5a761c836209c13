#include "retort/models/precision.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace {

using namespace retort;
using models::Precision;

TEST(Precision, OfForwardPassesIsFp32WhereThatOfTrainingIs) {
  EXPECT_TRUE(models::fastest_precision() == Precision::bf16 ||
              models::fastest_forward_precision() == Precision::fp32);
}

TEST(Precision, IsThatOfProductsWhileTheGuardLives) {
  const at::Tensor x = at::ones({2, 2});
  {
    const models::AutocastGuard bf16(Precision::bf16);
    EXPECT_EQ(at::mm(x, x).scalar_type(), at::kBFloat16);
    const models::AutocastGuard fp32(Precision::fp32);
    EXPECT_EQ(at::mm(x, x).scalar_type(), at::kFloat);
  }
  EXPECT_EQ(at::mm(x, x).scalar_type(), at::kFloat);
}

}  // namespace
