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

// RFC 4180, with LF or CRLF and an optional UTF-8 byte order mark; blank lines are left out. Throws Error, naming `name` and the line, on a
// quote that is not closed, stands inside a bare field, or is followed by anything but a separator.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name);

// A line of it, quoted where that is needed.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace retort::data
