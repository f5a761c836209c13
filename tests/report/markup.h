#pragma once

#include <string>
#include <vector>

namespace retort::report {

// The errors in the page's tags: unbalanced ones, unquoted attributes, a stray < or >; empty
// without any.
std::string markup_error(const std::string& html);

// The values of every attribute that makes a browser load something, and of url(…) and @import in
// style sheets.
std::vector<std::string> loads(const std::string& html);

// How often `part` occurs.
size_t occurrences(const std::string& text, const std::string& part);

}  // namespace retort::report
