#pragma once

#include <string>

namespace retort::report {

// A whole HTML page with `body` in its <main>: it contains its style sheet, has no script, and
// loads nothing. `title` is plain text and is escaped here; `body` is HTML.
std::string document(const std::string& title, const std::string& body);

}  // namespace retort::report
