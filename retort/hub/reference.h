#pragma once

#include <string>
#include <string_view>

namespace retort::hub {

// A model repository on the hub, at a revision.
struct Reference {
  std::string repository;         // "org/name"; the oldest repositories have a "name" alone
  std::string revision = "main";  // a branch, a tag, or a commit: 40 hex digits
};

// Whether the text begins with "hf:".
bool is_reference(std::string_view text);

// Reads "hf:org/name[@revision]". Throws UsageError on any other form, and on names that the hub
// does not allow.
Reference parse_reference(std::string_view text);

std::string to_string(const Reference& reference);

// Throws UsageError as parse_reference does, for a reference that was not parsed.
void check(const Reference& reference);

// Whether the text is a commit's full name: 40 hex digits in lower case.
bool is_commit(std::string_view text);

// Whether a file's name from a server or an index stays inside its folder: at most 1,024 bytes,
// relative, with '/' between parts of at most 255 bytes that are not empty, "." or "..", and
// without backslashes, colons and control characters.
bool is_safe_name(std::string_view name);

}  // namespace retort::hub
