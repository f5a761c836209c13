#pragma once

#include <string>
#include <string_view>

namespace retort::hub {

// A model repository on the hub, at a revision.
struct Reference {
  std::string repository;         // "org/name"; the hub's oldest are a "name" alone
  std::string revision = "main";  // a branch, a tag, or a commit: 40 hex digits
};

// Whether the text is meant as a name on the hub: it begins with "hf:".
bool is_reference(std::string_view text);

// Reads "hf:org/name[@revision]". Throws UsageError on any other form, and on names that the hub
// does not allow.
Reference parse_reference(std::string_view text);

std::string to_string(const Reference& reference);

// What parse_reference checks, for a reference made by hand.
void check(const Reference& reference);

// Whether the text is a commit's full name: 40 hex digits in lower case.
bool is_commit(std::string_view text);

// Whether a file's name, as a server or an index gives it, stays inside the folder that it is put
// under: relative, with '/' between its parts, none of which is empty, "." or "..", and without
// backslashes, colons and control characters.
bool is_safe_name(std::string_view name);

}  // namespace retort::hub
