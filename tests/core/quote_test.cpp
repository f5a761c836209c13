#include "retort/core/quote.h"

#include <gtest/gtest.h>

namespace retort {
namespace {

TEST(QuoteName, KeepsPlainNames) {
  EXPECT_EQ(quote_name("conv1.weight"), "'conv1.weight'");
  EXPECT_EQ(quote_name(""), "''");
  EXPECT_EQ(quote_name("größe"), "'größe'");
}

TEST(QuoteName, WritesControlCharactersOut) {
  EXPECT_EQ(quote_name(std::string("a\x1b[31m\0b\n", 9)), R"('a\x1b[31m\x00b\n')");
}

TEST(Printable, IsOneLineThatHidesNothing) {
  EXPECT_EQ(printable("größe 猫 👩\u200d🚀 قطة"), "größe 猫 👩\u200d🚀 قطة");
  EXPECT_EQ(printable("a\r\n\tb\x7f"), R"(a\r\n\tb\x7f)");
  EXPECT_EQ(printable("gpj\u202etac \u2066x\u2069 \u200b\u2028\u0085\u009b"),
            R"(gpj\u202etac \u2066x\u2069 \u200b\u2028\u0085\u009b)");
  EXPECT_EQ(printable("caf\xe9 \xff\xc3"), R"(caf\xe9 \xff\xc3)");
}

TEST(Printable, AMessagesFurtherLinesAreIndented) {
  EXPECT_EQ(printable_message("x.jpg: is empty\n  to mend it: look\nretort: all good\x1b[31m"),
            "x.jpg: is empty\n  to mend it: look\n  retort: all good\\x1b[31m");
  EXPECT_EQ(printable_message("one"), "one");
  EXPECT_EQ(printable_message(""), "");
}

TEST(QuoteName, ShortensTheMiddle) {
  const std::string shown = quote_name("start" + std::string(1'000'000, 'x') + "end");
  EXPECT_LT(shown.size(), 200u);
  EXPECT_TRUE(shown.starts_with("'startx"));
  EXPECT_TRUE(shown.ends_with("xend'"));
  std::string umlauts = "x";
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  EXPECT_EQ(quote_name(umlauts).find("\\x"), std::string::npos) << "cut within a character";
}

}  // namespace
}  // namespace retort
