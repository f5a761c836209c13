#pragma once

#include <string>
#include <string_view>

namespace retort::report {

// For HTML, in text and in quoted attributes. Bytes that are not UTF-8, and control characters
// other than tab and line feed, become U+FFFD.
std::string escape(std::string_view text);

}  // namespace retort::report
