#pragma once

#include <string>
#include <string_view>

namespace retort {

bool is_utf8(std::string_view text);

// Whether it holds control characters or separators of lines.
bool has_controls(std::string_view text);

// The text as it is, with bytes that are not UTF-8 written out (\xe9): what JSON, protobuf and HTML
// can hold of a name.
std::string as_utf8(std::string_view text);

// The text in Unicode's canonical composition (NFC) or decomposition (NFD). macOS writes names in
// the second, most other systems in the first. A text that is not UTF-8 stays as it is.
std::string composed(std::string_view text);
std::string decomposed(std::string_view text);

// A form in which names that look alike are equal: composed, in one case, without surrounding
// blanks and without characters that are not shown. For comparing, not for showing.
std::string folded(std::string_view text);

// The text of a file as UTF-8: without a byte order mark, and from UTF-16, which Windows' programs
// write. Bytes that are neither stay as they are. Throws Error, naming the file, on UTF-16 that is
// cut or malformed, and on UTF-32.
std::string decoded_text(std::string bytes, const std::string& file);

}  // namespace retort
