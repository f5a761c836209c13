#include "retort/core/unicode.h"

#include <iconv.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "retort/core/error.h"
#include "retort/core/quote.h"
#include "retort/core/text.h"

namespace retort {
namespace {

// The length of the character that the text begins with, or 0 where it is not UTF-8.
size_t character_size(std::string_view text, utf8proc_int32_t& character) {
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &character);
  return size > 0 ? static_cast<size_t>(size) : 0;
}

std::string byte_text(char byte) {
  constexpr const char* kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  return {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
}

// Whether the character is a control character or separates lines.
bool controls(utf8proc_int32_t character) {
  const utf8proc_category_t category = utf8proc_category(character);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

// Whether the character is such a one, changes the direction of writing, or is invisible.
bool deceives(utf8proc_int32_t character) {
  if (controls(character)) return true;
  const auto within = [&](utf8proc_int32_t first, utf8proc_int32_t last) {
    return character >= first && character <= last;
  };
  // The Arabic letter mark; marks of direction; embeddings and overrides; isolates; and characters
  // without width, except the joiners, which scripts and emoji need.
  return character == 0x61C || within(0x200E, 0x200F) || within(0x202A, 0x202E) ||
         within(0x2066, 0x2069) || character == 0x200B || character == 0x2060 ||
         character == 0xFEFF;
}

std::string character_text(utf8proc_int32_t character) {
  switch (character) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  if (character < 0x80) return byte_text(static_cast<char>(character));
  char text[16];
  std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(character));
  return text;
}

// Copies the text. Characters for which `replaced` returns true, and bytes that are not UTF-8,
// become escapes.
template <typename Replaced>
std::string rewritten(std::string_view text, Replaced replaced) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t character = 0;
    const size_t size = character_size(text, character);
    if (size == 0) {
      out += byte_text(text[0]);
    } else if (replaced(character)) {
      out += character_text(character);
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

std::string mapped(std::string_view text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &out,
                                 static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  return size < 0 ? std::string(text) : std::string(out, out + size);
}

// The kind of UTF-16 that the bytes are in; null for UTF-8 and for anything else.
const char* utf16_of(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return "UTF-16LE";
  if (bytes.starts_with("\xFE\xFF")) return "UTF-16BE";
  if (bytes.size() < 4) return nullptr;
  // Without a byte order mark, every other byte of ASCII letters is zero.
  const auto zero = [&](size_t i) { return bytes[i] == '\0'; };
  if (!zero(0) && zero(1) && !zero(2) && zero(3)) return "UTF-16LE";
  if (zero(0) && !zero(1) && zero(2) && !zero(3)) return "UTF-16BE";
  return nullptr;
}

std::string from_utf16(const std::string& bytes, const char* encoding, const std::string& file) {
  iconv_t converter = iconv_open("UTF-8", encoding);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): that is how POSIX has iconv_open fail.
  if (converter == reinterpret_cast<iconv_t>(-1))
    throw Error("is UTF-16, which this system cannot read", file);
  std::string in = bytes;
  std::string out(2 * bytes.size() + 4, '\0');  // a unit of two bytes becomes three at most
  char *from = in.data(), *to = out.data();
  size_t left = in.size(), room = out.size();
  const bool failed = iconv(converter, &from, &left, &to, &room) == size_t(-1);
  iconv_close(converter);
  if (failed || left > 0) {
    const auto place = std::to_string(from - in.data());
    throw Error("is UTF-16 that is cut or malformed at byte " + place, file, "save it as UTF-8");
  }
  out.resize(out.size() - room);
  return out;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    utf8proc_int32_t character = 0;
    const size_t size = character_size(text, character);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

bool has_controls(std::string_view text) {
  while (!text.empty()) {
    utf8proc_int32_t character = 0;
    const size_t size = character_size(text, character);
    if (size > 0 && controls(character)) return true;
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return false;
}

std::string as_utf8(std::string_view text) {
  return rewritten(text, [](utf8proc_int32_t) { return false; });
}

std::string composed(std::string_view text) {
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::string decomposed(std::string_view text) {
  return mapped(text, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
}

std::string folded(std::string_view text) {
  constexpr int kOptions =
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_LUMP;
  return std::string(trimmed(mapped(text, kOptions)));
}

std::string decoded_text(std::string bytes, const std::string& file) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kMark)) return bytes.substr(kMark.size());
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xFE\0\0"sv) || bytes.starts_with("\0\0\xFE\xFF"sv))
    throw Error("is UTF-32", file, "save it as UTF-8");
  const char* encoding = utf16_of(bytes);
  if (encoding == nullptr) return bytes;
  std::string text = from_utf16(bytes, encoding, file);
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

std::string printable(std::string_view text) { return rewritten(text, deceives); }

std::string printable_message(std::string_view text) {
  std::string out;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    if (start > 0) out += line.starts_with("  ") ? "\n" : "\n  ";
    out += printable(line);
    start = end + 1;
  }
  return out;
}

std::string quote_name(std::string_view name) {
  constexpr size_t kShown = 60;
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xC0) == 0x80;
  };
  if (name.size() <= 2 * kShown) return "'" + printable(name) + "'";
  size_t head = kShown, tail = name.size() - kShown;
  while (head > kShown - 3 && continues(head)) --head;  // not in the middle of a character
  while (tail < name.size() - kShown + 3 && continues(tail)) ++tail;
  return "'" + printable(name.substr(0, head)) + " … " + printable(name.substr(tail)) + "'";
}

}  // namespace retort
