#include "retort/models/precision.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "retort/core/error.h"

namespace {

using namespace retort;
using models::looks_precision_from, models::Precision, models::precision_from;

TEST(Precision, IsTheOneThatIsNamed) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    EXPECT_EQ(precision_from(models::to_string(precision)), precision);
    EXPECT_EQ(looks_precision_from(models::to_string(precision)), precision);
  }
  EXPECT_THROW(precision_from("fp16"), UsageError);
  EXPECT_THROW(looks_precision_from("fp16"), UsageError);
}

TEST(Precision, OfLooksIsFp32WhereThatOfTrainingIs) {
  EXPECT_TRUE(precision_from("auto") == Precision::bf16 ||
              looks_precision_from("auto") == Precision::fp32);
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
