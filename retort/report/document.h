#pragma once

#include <string>

namespace retort::report {

// A whole HTML page around what its <main> holds: the style sheet inside, no script, and nothing
// that could be loaded. The title is escaped here, the body is HTML already.
std::string document(const std::string& title, const std::string& body);

}  // namespace retort::report
