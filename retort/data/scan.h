#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retort::data {

// Names of the sub-folders, links to folders among them, sorted; hidden ones are left out. Throws Error when the folder cannot be read.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

struct Pictures {
  std::vector<std::string> images;  // sorted
  std::vector<std::string> unread;  // of kinds that decode() does not read (HEIC and the like)
};

// Every picture below the folder (picture_at), relative to it, with forward slashes. Links are followed; each real folder is visited once,
// so loops end. Hidden entries are left out; a link that leads nowhere counts, so that reading it later names it. Throws Error when a
// folder cannot be read.
Pictures pictures_below(const std::filesystem::path& folder);

}  // namespace retort::data
