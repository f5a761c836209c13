#include "retort/core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace retort {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr const char* kUnknown = "–";

// The length of the valid UTF-8 sequence at the start of `text`, or 0. Overlong forms, surrogates
// and values past U+10FFFF are not valid (RFC 3629).
size_t sequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xC2 && first < 0xE0   ? 2
                      : first >= 0xE0 && first < 0xF0 ? 3
                      : first >= 0xF0 && first < 0xF5 ? 4
                                                      : 0;
  if (size == 0 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool outside = (first == 0xED && byte(1) >= 0xA0) || (first == 0xF4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : size;
}

std::string number(double value, std::chars_format format, int digits) {
  if (!std::isfinite(value)) return kUnknown;
  std::array<char, 400> buffer;  // the largest double has 309 digits before the point
  const std::to_chars_result result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, digits);
  return {buffer.data(), result.ptr};
}

std::string without_controls(std::string_view text) {
  std::string out = shorten(text, length(text));
  std::ranges::replace_if(
      out, [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }, '?');
  return out;
}

}  // namespace

void each_code_point(std::string_view text, const std::function<void(std::string_view)>& visit) {
  while (!text.empty()) {
    const size_t size = sequence(text);
    visit(size == 0 ? kReplacement : text.substr(0, size));
    text.remove_prefix(size == 0 ? 1 : size);
  }
}

std::string aligned(const std::vector<std::vector<std::string>>& lines, size_t text_columns) {
  std::vector<std::vector<std::string>> shown = lines;
  std::vector<int64_t> width(lines.front().size());
  for (std::vector<std::string>& line : shown) {
    for (size_t c = 0; c < line.size(); ++c) {
      line[c] = without_controls(line[c]);
      width[c] = std::max(width[c], length(line[c]));
    }
  }
  std::string out, rule;
  for (size_t c = 0; c < width.size(); ++c)
    rule += (c == 0 ? "" : "  ") + std::string(static_cast<size_t>(width[c]), '-');
  for (size_t l = 0; l < shown.size(); ++l) {
    for (size_t c = 0; c < width.size(); ++c) {
      const std::string blanks(static_cast<size_t>(width[c] - length(shown[l][c])), ' ');
      out +=
          (c == 0 ? "" : "  ") + (c < text_columns ? shown[l][c] + blanks : blanks + shown[l][c]);
    }
    out += '\n' + (l == 0 ? rule + '\n' : "");
  }
  return out;
}

int64_t length(std::string_view text) {
  int64_t points = 0;
  each_code_point(text, [&](std::string_view) { ++points; });
  return points;
}

std::string shorten(std::string_view text, int64_t most) {
  const bool cut = length(text) > most;
  std::string out;
  int64_t left = cut ? most - 1 : most;
  each_code_point(text, [&](std::string_view point) {
    if (left-- > 0) out += point;
  });
  return cut ? out + "…" : out;
}

std::string fixed(double value, int digits) {
  return number(value, std::chars_format::fixed, digits);
}
std::string significant(double value, int digits) {
  return number(value, std::chars_format::general, digits);
}

std::string percent(double value) {
  return std::isfinite(value) ? fixed(value, 1) + " %" : kUnknown;
}

std::string count(int64_t value) {
  if (value <= 0) return kUnknown;
  const auto size = static_cast<double>(value);
  for (const auto& [unit, name] : {std::pair{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}}) {
    if (size >= unit)
      return fixed(size / unit, size >= 100 * unit ? 0 : size >= 10 * unit ? 1 : 2) + name;
  }
  return std::to_string(value);
}

std::string milliseconds(double value) {
  return value > 0 && std::isfinite(value) ? fixed(value, value >= 100  ? 0
                                                          : value >= 10 ? 1
                                                                        : 2) +
                                                 " ms"
                                           : kUnknown;
}

std::string duration(double seconds) {
  if (!(seconds > 0) || seconds > 1e15) return kUnknown;
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const auto two = [](int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two(whole % 60) + " s";
  const int64_t minutes = (whole + 30) / 60;
  return std::to_string(minutes / 60) + " h " + two(minutes % 60) + " min";
}

}  // namespace retort
