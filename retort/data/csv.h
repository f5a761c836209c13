#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace retort::data {

struct CsvRow {
  int64_t line = 0;  // where it starts, from 1
  std::vector<std::string> fields;
};

// RFC 4180, with LF or CRLF and an optional UTF-8 byte order mark; blank lines are left out. Throws
// Error, naming `name` and the line, on a quote that is not closed, stands inside a bare field, or
// is followed by anything but a separator.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

// A table as spreadsheets and scripts write it: perhaps in UTF-16, with fields between semicolons,
// tabs or bars, lines that end in CR alone, or a first line `sep=;`. Blanks around fields are
// removed, and rows of nothing but separators are left out. The separator is the one that the first
// line has most of.
struct Table {
  std::vector<CsvRow> rows;
  char separator = ',';
};
// Throws Error as parse_csv does, and on what is no text.
Table parse_table(std::string bytes, const std::string& name);

// A separator's name, for messages.
std::string separator_name(char separator);

// A line of CSV, quoted where that is needed.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace retort::data
