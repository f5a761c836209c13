#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace retort {

// What logs, tables and pages say, as text; numbers are written alike in every locale.

// Calls visit with the bytes of each code point, and with U+FFFD in the place of each byte that is
// not UTF-8.
void each_code_point(std::string_view text, const std::function<void(std::string_view)>& visit);

// Code points.
int64_t length(std::string_view text);
// At most `most` code points of valid UTF-8, the last an ellipsis where something was cut.
std::string shorten(std::string_view text, int64_t most);

// Lines of as many cells each as an aligned plain-text table with a rule under the first: the first
// `text_columns` to the left, numbers to the right. Control characters, which move a terminal's
// cursor, become question marks.
std::string aligned(const std::vector<std::vector<std::string>>& lines, size_t text_columns);

// Not finite: an en dash.
std::string fixed(double value, int digits);
std::string significant(double value, int digits);

// "87.2 %"
std::string percent(double value);
// 3,504,872 is "3.50 M"; 0 (unknown) is an en dash, here and below.
std::string count(int64_t value);
// "4.21 ms"
std::string milliseconds(double value);
// "48 s", "3 min 20 s", "2 h 05 min"
std::string duration(double seconds);

// Without the blanks and line ends around it.
inline std::string_view trimmed(std::string_view text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

}  // namespace retort
