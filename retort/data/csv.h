#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace retort::data {

struct CsvRow {
  int64_t line = 0;  // of the file, where the row starts, from 1
  std::vector<std::string> fields;
};

// Reads CSV as RFC 4180 defines it, with LF or CRLF and an optional UTF-8 byte order mark; blank
// lines are left out. Throws Error, naming `name` and the line, on a quote that is not closed or is
// inside an unquoted field, and on text after a closing quote.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

// A table as spreadsheets and scripts write it: perhaps in UTF-16, with fields separated by
// semicolons, tabs or bars, with lines that end in CR alone, or with a first line `sep=;`. Blanks
// around fields are removed, and rows of empty fields are left out. Without `sep=` the separator is
// the one that appears most often in the first line.
struct Table {
  std::vector<CsvRow> rows;
  char separator = ',';
};
// Throws Error as parse_csv and decoded_text do, and on bytes that are not text.
Table parse_table(std::string bytes, const std::string& name);

// A separator's name, for messages: "semicolons".
std::string separator_name(char separator);

// A line of CSV with its line end; fields are quoted where that is needed.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace retort::data
