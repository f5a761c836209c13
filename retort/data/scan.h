#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "retort/core/log.h"

namespace retort::data {

// Names of the sub-folders, links to folders among them, sorted; hidden ones are left out. Throws Error when the folder cannot be read.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

// Every image below the folder, relative to it, with forward slashes, sorted. Links are followed; each real folder is visited once, so
// loops end. Hidden entries are left out; a link that leads nowhere counts, so that reading it later names it. Throws Error when a folder
// cannot be read.
std::vector<std::string> images_below(const std::filesystem::path& folder);

// Says how many pictures below these folders of the root are of kinds that decode() does not read (GIF, BMP, TIFF, HEIC and the like),
// where there are any. A folder that cannot be read is a warning, too.
void warn_of_unread(const std::filesystem::path& root, const std::set<std::string>& folders, Log& log);

}  // namespace retort::data
