#include "retort/core/error.h"

#include <gtest/gtest.h>

namespace retort {
namespace {

TEST(Error, SaysWhatWhereAndHowToMend) {
  EXPECT_STREQ(Error("is empty").what(), "is empty");
  EXPECT_STREQ(Error("is empty", "a.csv:3").what(), "a.csv:3: is empty");
  EXPECT_STREQ(Error("is empty", "a.csv:3", "fill it").what(),
               "a.csv:3: is empty\n  to mend it: fill it");
  EXPECT_STREQ(Error("is empty", "", "fill it").what(), "is empty\n  to mend it: fill it");
}

TEST(Error, KindsAreErrors) {
  EXPECT_THROW(throw UsageError("x"), Error);
  EXPECT_THROW(throw Interrupted("x"), Error);
  EXPECT_THROW(throw Error("x"), std::runtime_error);
}

}  // namespace
}  // namespace retort
