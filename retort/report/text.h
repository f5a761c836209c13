#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace retort::report {

// What the page and the tables say, as text; numbers are written alike in every locale.

// For HTML, in text and in quoted attributes. Bytes that are not UTF-8, and control characters
// other than tab and line feed, become U+FFFD.
std::string escape(std::string_view text);

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

}  // namespace retort::report
