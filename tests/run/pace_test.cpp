#include "retort/run/pace.h"

#include <gtest/gtest.h>

namespace retort::run {
namespace {

TEST(Pace, CountsATeachersLooksOnce) {
  const Looks none, first{{"vit.pth"}, {}}, second{{"lite.pth"}, {}};
  Pace pace;
  for (const Looks& looks : {none, first, first, second, second}) pace.expect(looks);
  EXPECT_FALSE(pace.seconds_left());
  pace.add(none, 10, 0);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value(), 4 * 10);
  pace.add(first, 70, 50);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value(), 3 * 15 + 50);
  pace.add(first, 15, 0);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value(), 2 * 15 + 50);
  pace.add(second, 65, 50);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value(), 15);
}

TEST(Pace, LearnsNothingFromARunThatWasThere) {
  const Looks looks{{"vit.pth"}, {}};
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.expect(looks);
  pace.add(looks, 0.1, 50);
  EXPECT_FALSE(pace.seconds_left());
  pace.add(looks, 20, 0);
  EXPECT_DOUBLE_EQ(pace.seconds_left().value(), 20);
}

}  // namespace
}  // namespace retort::run
