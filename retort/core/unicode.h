#pragma once

#include <string>
#include <string_view>

namespace retort {

bool is_utf8(std::string_view text);

// Whether the text holds control characters or line separators.
bool has_controls(std::string_view text);

// The text with bytes that are not UTF-8 written as escapes (\xe9), for JSON, protobuf and HTML.
std::string as_utf8(std::string_view text);

// The text in Unicode's canonical composition (NFC) or decomposition (NFD). macOS writes names in
// NFD, most other systems in NFC. A text that is not UTF-8 stays as it is.
std::string composed(std::string_view text);
std::string decomposed(std::string_view text);

// A form for comparing names: composed, in one case, without surrounding blanks and invisible
// characters, and with one kind of dash and blank (utf8proc's lump). It is not for showing.
std::string folded(std::string_view text);

// The text of a file as UTF-8: removes a byte order mark, and converts UTF-16, which programs on
// Windows write. Bytes that are neither stay as they are. Throws Error, naming the file, on UTF-16
// that is cut or malformed, and on UTF-32.
std::string decoded_text(std::string bytes, const std::string& file);

}  // namespace retort
