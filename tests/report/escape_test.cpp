#include "retort/report/escape.h"

#include <gtest/gtest.h>

namespace retort::report {
namespace {

TEST(Escape, EscapesMarkupAndWhatIsNotText) {
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

}  // namespace
}  // namespace retort::report
