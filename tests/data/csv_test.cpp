#include "retort/data/csv.h"

#include <gtest/gtest.h>

#include "tests/support/message.h"

namespace retort::data {
namespace {

using Fields = std::vector<std::string>;

TEST(Csv, QuotesLineEndsAndByteOrderMark) {
  const auto rows = parse_csv(
      "\xEF\xBB\xBFpath,label\r\n\r\n\"a,\"\"b\"\"\",x\r\n\"two\nlines\",y\nlast,\"\"", "f.csv");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].fields, (Fields{"path", "label"}));
  EXPECT_EQ(rows[1].fields, (Fields{"a,\"b\"", "x"}));
  EXPECT_EQ(rows[2].fields, (Fields{"two\nlines", "y"}));
  EXPECT_EQ(rows[3].fields, (Fields{"last", ""}));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(rows[3].line, 6);
}

TEST(Csv, EmptyFieldsAndNoLastLineEnd) {
  const auto rows = parse_csv("a,,\n,b,c\r", "f.csv");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "", ""}));
  EXPECT_EQ(rows[1].fields, (Fields{"", "b", "c"}));
  EXPECT_TRUE(parse_csv("", "f.csv").empty());
  EXPECT_TRUE(parse_csv("\n\r\n", "f.csv").empty());
}

TEST(Csv, BadQuotesNameTheLine) {
  const auto where = [](const char* text) {
    return testing::error_of([&] { parse_csv(text, "f.csv"); });
  };
  EXPECT_NE(where("a\nb\n\"open\nmore").find("f.csv:3"), std::string::npos);
  EXPECT_NE(where("a\nx\"y\n").find("f.csv:2"), std::string::npos);
  EXPECT_NE(where("\"a\"b\n").find("f.csv:1"), std::string::npos);
}

TEST(Csv, ALineReadsBackAsItWas) {
  const Fields fields{"", "plain", "a,b", "say \"x\"", "two\nlines", ""};
  const auto rows = parse_csv(csv_line(fields), "f.csv");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].fields, fields);
}

}  // namespace
}  // namespace retort::data
