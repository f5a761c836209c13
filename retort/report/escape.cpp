#include "retort/report/escape.h"

#include <cstdint>

#include "retort/core/quote.h"
#include "retort/core/text.h"

namespace retort::report {

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  each_code_point(text, [&](std::string_view point) {
    const char c = point[0];
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if ((static_cast<uint8_t>(c) < 0x20 && c != '\t' && c != '\n') || c == 0x7F) {
      out += "\xEF\xBF\xBD";
    } else {
      out +=
          point.size() > 1 ? printable(point) : std::string(point);  // escapes marks of direction
    }
  });
  return out;
}

}  // namespace retort::report
