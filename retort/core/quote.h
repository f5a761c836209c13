#pragma once

#include <string>
#include <string_view>

namespace retort {

// A name out of a file, fit for a message: in single quotes, control characters as '?', the middle of a long one left out.
inline std::string quote_name(std::string_view name) {
  constexpr size_t kShown = 60;
  std::string text = name.size() <= 2 * kShown
                         ? std::string(name)
                         : std::string(name.substr(0, kShown)) + " … " + std::string(name.substr(name.size() - kShown));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return "'" + text + "'";
}

}  // namespace retort
