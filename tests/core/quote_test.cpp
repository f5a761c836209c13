#include "retort/core/quote.h"

#include <gtest/gtest.h>

namespace retort {
namespace {

TEST(QuoteName, KeepsPlainNames) {
  EXPECT_EQ(quote_name("conv1.weight"), "'conv1.weight'");
  EXPECT_EQ(quote_name(""), "''");
  EXPECT_EQ(quote_name("größe"), "'größe'");
}

TEST(QuoteName, HidesControlCharacters) { EXPECT_EQ(quote_name(std::string("a\x1b[31m\0b\n", 9)), "'a?[31m?b?'"); }

TEST(QuoteName, ShortensTheMiddle) {
  const std::string shown = quote_name("start" + std::string(1'000'000, 'x') + "end");
  EXPECT_LT(shown.size(), 200u);
  EXPECT_TRUE(shown.starts_with("'startx"));
  EXPECT_TRUE(shown.ends_with("xend'"));
}

}  // namespace
}  // namespace retort
