#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

// Text for logs, tables and pages. Numbers look the same in every locale.

// Calls visit with the bytes of each code point, and with U+FFFD for each byte that is not UTF-8.
void each_code_point(std::string_view text, const std::function<void(std::string_view)>& visit);

// The number of code points.
int64_t length(std::string_view text);
// At most `most` code points of valid UTF-8, the last an ellipsis where something was cut.
std::string shorten(std::string_view text, int64_t most);

// A plain-text table with a rule under its first line. All lines, at least one, have equally many
// cells. The first `text_columns` columns are aligned to the left, the others to the right. Control
// characters, which move a terminal's cursor, become question marks.
std::string aligned(const std::vector<std::vector<std::string>>& lines, size_t text_columns);

// With `digits` after the point, or with `digits` significant ones; an en dash where not finite.
std::string fixed(double value, int digits);
std::string significant(double value, int digits);

// "87.2 %"
std::string percent(double value);
// 3,504,872 is "3.50 M". Here and below a value of 0 or less, which means unknown, is an en dash.
std::string count(int64_t value);
// "4.21 ms"
std::string milliseconds(double value);
// "48 s", "3 min 20 s", "2 h 05 min"
std::string duration(double seconds);

// The text without the blanks and line ends around it.
inline std::string_view trimmed(std::string_view text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace retort
