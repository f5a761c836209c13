#pragma once

#include <string>
#include <string_view>

namespace retort {

// A name or a text that someone else chose, fit for one line of a log, a terminal or a table:
// control characters, line separators, marks that turn the direction of writing or show nothing,
// and bytes that are not UTF-8 are written out, as \n, \x1b, \u202e and \xe9.
std::string printable(std::string_view text);

// A message that may hold such names: as printable, but its line ends stay, and every line after
// the first is indented, so that no name can pass for a message of its own.
std::string printable_message(std::string_view text);

// A name, fit for a message: printable, in single quotes, the middle of a long one left out.
std::string quote_name(std::string_view name);

}  // namespace retort
