#include "retort/core/text.h"

#include <cmath>

#include <gtest/gtest.h>

namespace retort {
namespace {

TEST(Text, ShortensByCodePoints) {
  EXPECT_EQ(length("blåbær🌼"), 7);
  EXPECT_EQ(shorten("blåbær", 6), "blåbær");
  EXPECT_EQ(shorten("blåbær", 5), "blåb…");
}

TEST(Text, HumanUnits) {
  EXPECT_EQ(percent(87.25001), "87.3 %");
  EXPECT_EQ(percent(NAN), "–");
  EXPECT_EQ(count(0), "–");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(3504872), "3.50 M");
  EXPECT_EQ(count(25800000), "25.8 M");
  EXPECT_EQ(count(312000000), "312 M");
  EXPECT_EQ(count(4090000000), "4.09 G");
  EXPECT_EQ(milliseconds(4.2149), "4.21 ms");
  EXPECT_EQ(milliseconds(0), "–");
  EXPECT_EQ(duration(0), "–");
  EXPECT_EQ(duration(2.34), "2.3 s");
  EXPECT_EQ(duration(48.2), "48 s");
  EXPECT_EQ(duration(59.7), "1 min 00 s");
  EXPECT_EQ(duration(200), "3 min 20 s");
  EXPECT_EQ(duration(7499), "2 h 05 min");
  EXPECT_EQ(duration(NAN), "–");
  EXPECT_EQ(fixed(1e300, 1).size(), 303U);
}

}  // namespace
}  // namespace retort
