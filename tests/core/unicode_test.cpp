#include "retort/core/unicode.h"

#include <gtest/gtest.h>

#include "tests/support/message.h"

namespace retort {
namespace {

TEST(Unicode, OtherBytesAreWrittenOut) {
  EXPECT_TRUE(is_utf8("größe\n"));
  for (const char* bad : {"caf\xe9", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
  EXPECT_EQ(as_utf8("größe\n"), "größe\n");
  EXPECT_EQ(as_utf8("caf\xe9.jpg"), "caf\\xe9.jpg");
}

TEST(Unicode, TwoFormsOfOneName) {
  EXPECT_EQ(composed("cafe\u0301"), "caf\u00e9");
  EXPECT_EQ(decomposed("caf\u00e9"), "cafe\u0301");
  EXPECT_EQ(composed("caf\xe9"), "caf\xe9");
  EXPECT_EQ(composed(""), "");
}

TEST(Unicode, WhatLooksAlikeFoldsToOne) {
  for (const char* name :
       {"CAFÉ", " café", "cafe\u0301 ", "ca\u200bfé", "\u200ecafé", "café\u00a0"})
    EXPECT_EQ(folded(name), "café") << name;
  EXPECT_EQ(folded("Straße"), folded("STRASSE"));
  EXPECT_NE(folded("café"), folded("cafe"));
  EXPECT_NE(folded("caf\xe9"), folded("caf\xe8"));
}

std::string utf16(const std::string& ascii, bool big_endian) {
  std::string bytes;
  for (const char c : ascii) bytes += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  return bytes;
}

TEST(Unicode, TextFilesOfOtherSystems) {
  EXPECT_EQ(decoded_text("plain", "f"), "plain");
  EXPECT_EQ(decoded_text("", "f"), "");
  EXPECT_EQ(decoded_text("\xEF\xBB\xBFplain", "f"), "plain");
  EXPECT_EQ(decoded_text("caf\xe9", "f"), "caf\xe9");
  for (const bool big : {false, true}) {
    EXPECT_EQ(decoded_text((big ? "\xFE\xFF" : "\xFF\xFE") + utf16("path,label\n", big), "f"),
              "path,label\n");
    EXPECT_EQ(decoded_text(utf16("path,label\n", big), "f"), "path,label\n");
  }
  EXPECT_EQ(decoded_text(std::string("\xFF\xFE\x2B\x73\x3D\xD8\x80\xDE", 8), "f"), "猫🚀");
  const auto error = [](const std::string& bytes) {
    return testing::error_of([&] { decoded_text(bytes, "f.csv"); });
  };
  EXPECT_TRUE(testing::says(error("\xFF\xFE" + utf16("path", false) + "x"),
                            "f.csv: is UTF-16 that is cut"));
  EXPECT_TRUE(testing::says(error(std::string("\xFF\xFE\0\0p\0\0\0", 8)), "f.csv: is UTF-32"));
}

}  // namespace
}  // namespace retort
