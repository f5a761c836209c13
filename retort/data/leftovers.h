#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace retort::data {

// How many entries of each kind a folder's reading passed over; of a folder, the pictures in it, or
// one where it holds none.
using PassedOver = std::map<std::string, int64_t>;

// The kind of folders that retort wrote.
constexpr const char* kOwnOutput = "retort's own";

// The kind of links to a folder that they lie in.
constexpr const char* kLinkBack = "links to a folder around them";

// What systems, their file servers and editors leave among people's files, and what is hidden:
// '@eaDir', 'Thumbs.db', '._*', "hidden" and the like; empty for anything else.
std::string leftover_kind(const std::string& name);

// Whether a command of retort's wrote the folder: a run, a comparison, a gate's page, or a cache.
bool is_own_output(const std::filesystem::path& folder);

void add(PassedOver& all, const PassedOver& more);

// "'@eaDir' (24), '.DS_Store' (2)"
std::string text_of(const PassedOver& passed);

}  // namespace retort::data
