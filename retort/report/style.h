#pragma once

#include <string_view>

namespace retort::report {

// The page's style sheet.
std::string_view style();

}  // namespace retort::report
