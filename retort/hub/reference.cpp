#include "retort/hub/reference.h"

#include <algorithm>
#include <string>

#include "retort/core/error.h"
#include "retort/core/quote.h"

namespace retort::hub {
namespace {

constexpr std::string_view kPrefix = "hf:";
constexpr size_t kMaxPart = 96;       // the hub's limit for an owner's or a repository's name
constexpr size_t kMaxRevision = 255;  // what a file system takes as one name
constexpr size_t kMaxName = 1024;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_repository_part(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPart && is_word(part.front()) &&
         is_word(part.back()) &&
         std::ranges::all_of(part, [](char c) { return is_word(c) || c == '-' || c == '.'; });
}

// "--" is not allowed: it replaces the '/' in the cache's folder names.
bool is_repository(std::string_view name) {
  if (name.find("--") != name.npos || name.find("..") != name.npos || name.ends_with(".git"))
    return false;
  const size_t slash = name.find('/');
  if (slash == name.npos) return is_repository_part(name);
  return is_repository_part(name.substr(0, slash)) && is_repository_part(name.substr(slash + 1));
}

bool is_revision(std::string_view name) {
  return name.size() <= kMaxRevision && is_safe_name(name) && std::ranges::all_of(name, [](char c) {
           return is_word(c) || c == '-' || c == '.' || c == '/' || c == '+';
         });
}

}  // namespace

bool is_reference(std::string_view text) { return text.starts_with(kPrefix); }

Reference parse_reference(std::string_view text) {
  if (!is_reference(text))
    throw UsageError("is not a name on the hub", quote_name(text),
                     "write hf:org/name or hf:org/name@revision");
  text.remove_prefix(kPrefix.size());
  const size_t at = text.find('@');
  Reference reference{std::string(text.substr(0, at))};
  if (at != text.npos) reference.revision = text.substr(at + 1);
  check(reference);
  return reference;
}

std::string to_string(const Reference& reference) {
  const std::string name = std::string(kPrefix) + reference.repository;
  return reference.revision == "main" ? name : name + "@" + reference.revision;
}

void check(const Reference& reference) {
  if (!is_repository(reference.repository))
    throw UsageError("is not the name of a repository on the hub", quote_name(reference.repository),
                     "write hf:org/name");
  if (!is_revision(reference.revision))
    throw UsageError("is not the name of a revision", quote_name(reference.revision),
                     "name a branch, a tag, or a commit's 40 hex digits");
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_safe_name(std::string_view name) {
  if (name.size() > kMaxName) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\' || c == ':') return false;
  }
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace retort::hub
