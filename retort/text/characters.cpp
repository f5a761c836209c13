#include "retort/text/characters.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::text {
namespace {

enum class Kind { letter, digit, blank, other };

Kind kind_of(utf8proc_int32_t character) {
  switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Kind::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::digit;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return Kind::blank;
    default:
      return (character >= 9 && character <= 13) || character == 0x85 ? Kind::blank : Kind::other;
  }
}

std::string utf8(utf8proc_int32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto size = utf8proc_encode_char(character, bytes.data());
  return {bytes.begin(), bytes.begin() + size};
}

[[noreturn]] void throw_not_utf8(const std::string& text) {
  throw Error("is not UTF-8: " + quote_name(text), "",
              "write names of classes and prompts in UTF-8");
}

// The character that begins at `at`; `at` moves to the next one.
utf8proc_int32_t next_character(const std::string& text, size_t& at) {
  utf8proc_int32_t character = 0;
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                     static_cast<utf8proc_ssize_t>(text.size() - at), &character);
  if (size <= 0) throw_not_utf8(text);
  at += static_cast<size_t>(size);
  return character;
}

std::string composed(const std::string& text) {
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (size < 0) throw_not_utf8(text);
  return {out, out + size};
}

size_t contraction_at(const std::string& text, size_t at) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (std::string_view(text).substr(at).starts_with(ending)) return ending.size();
  return 0;
}

}  // namespace

std::string lower_case(const std::string& text) {
  std::string lower;
  for (size_t at = 0; at < text.size();) lower += utf8(utf8proc_tolower(next_character(text, at)));
  return lower;
}

std::vector<std::string> clip_words(const std::string& text) {
  const std::string lower = lower_case(composed(text));
  std::vector<std::string> words;
  for (size_t at = 0; at < lower.size();) {
    if (const size_t size = contraction_at(lower, at)) {
      words.push_back(lower.substr(at, size));
      at += size;
      continue;
    }
    const size_t begin = at;
    const Kind kind = kind_of(next_character(lower, at));
    if (kind == Kind::blank) continue;
    while (kind != Kind::digit && at < lower.size()) {
      size_t next = at;
      if (kind_of(next_character(lower, next)) != kind) break;
      at = next;
    }
    words.push_back(lower.substr(begin, at - begin));
  }
  return words;
}

std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> all;
  for (size_t at = 0; at < text.size();) all.push_back(utf8(next_character(text, at)));
  return all;
}

std::string printable_byte(unsigned char byte) {
  const auto printable = [](int value) {
    return (value >= '!' && value <= '~') || (value >= 0xA1 && value <= 0xAC) || value >= 0xAE;
  };
  if (printable(byte)) return utf8(byte);
  int before = 0;  // bytes that cannot be printed are numbered from 256 on
  for (int value = 0; value < byte; ++value) before += printable(value) ? 0 : 1;
  return utf8(256 + before);
}

}  // namespace retort::text
