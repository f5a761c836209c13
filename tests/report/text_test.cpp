#include "retort/report/text.h"

#include <cmath>

#include <gtest/gtest.h>

namespace retort::report {
namespace {

TEST(Text, EscapesMarkupAndWhatIsNotText) {
  EXPECT_EQ(escape("<script>alert('x')</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  EXPECT_EQ(escape("\" onload=\"x & y"), "&quot; onload=&quot;x &amp; y");
  EXPECT_EQ(escape("blåbær 花 🌼\n"), "blåbær 花 🌼\n");
  EXPECT_EQ(escape("a\x1B[31mb"), "a�[31mb");
  // A lone continuation, an overlong slash, a surrogate, past the last code point, cut short.
  for (const std::string bad :
       {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    std::string expected;
    for (size_t i = 0; i < bad.size(); ++i) expected += "�";
    EXPECT_EQ(escape(bad), expected);
  }
}

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
}  // namespace retort::report
