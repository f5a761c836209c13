#pragma once

#include <string>
#include <string_view>

namespace retort::report {

// Escapes text for HTML, for elements and quoted attributes. Bytes that are not UTF-8, and ASCII
// control characters other than tab and line feed, become U+FFFD. Other control characters, line
// separators and marks that change the direction of writing become escapes as in printable()
// (quote.h).
std::string escape(std::string_view text);

}  // namespace retort::report
