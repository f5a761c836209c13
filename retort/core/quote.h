#pragma once

#include <string>
#include <string_view>

namespace retort {

// Makes a name or a text from outside safe to show on one line of a log, a terminal or a table:
// control characters, line separators, marks that change the direction of writing or are invisible,
// and bytes that are not UTF-8 become escapes such as \n, \x1b, \u202e and \xe9.
std::string printable(std::string_view text);

// Makes a message that may hold such names safe to show: like printable(), but line ends stay, and
// every line after the first is indented, so that no name can look like a message of its own.
std::string printable_message(std::string_view text);

// A name for a message: printable(), in single quotes, with "…" for the middle of a name of more
// than 120 bytes.
std::string quote_name(std::string_view name);

}  // namespace retort
