#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace retort::data {

// How many entries of each kind were passed over when reading a folder. A folder counts as the
// number of pictures in it, at least 1.
using PassedOver = std::map<std::string, int64_t>;

// The kind for folders that retort wrote.
constexpr const char* kOwnOutput = "retort's own";

// The kind for links to a folder that contains them.
constexpr const char* kLinkBack = "links to a folder around them";

// The kind of a name that operating systems, file servers and editors leave among users' files, or
// of a hidden one: "'@eaDir'", "'Thumbs.db'", "'._*'", "hidden" and the like; empty for any other
// name.
std::string leftover_kind(const std::string& name);

// Whether a retort command wrote the folder: a run, a comparison, a gate's report, or a cache.
bool is_own_output(const std::filesystem::path& folder);

void add(PassedOver& all, const PassedOver& more);

// "'@eaDir' (24), '.DS_Store' (2)"
std::string text_of(const PassedOver& passed);

}  // namespace retort::data
