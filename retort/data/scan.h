#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/leftovers.h"

namespace retort::data {

// What lies in a folder itself, and not below its sub-folders.
struct FolderContent {
  std::vector<std::string> folders;  // links to folders among them, sorted
  int64_t images = 0;                // files that are called as images are
  PassedOver passed;
};

// Throws Error when the folder cannot be read. Leftovers of systems, hidden entries and folders
// that retort wrote are passed over, here and below, and so are links to the folder itself or to
// one above it.
FolderContent content_of(const std::filesystem::path& folder);

// The folders of content_of.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

// Whether any picture lies below the folder. Folders that cannot be read hold none.
bool has_pictures(const std::filesystem::path& folder);

// ", but the archive 'photos.zip'" and the like where the folder itself holds archives; else empty.
std::string archives_noted(const std::filesystem::path& folder);
constexpr const char* kUnpackMend = "unpack it there";

struct Pictures {
  std::vector<std::string> images;  // sorted
  std::vector<std::string> unread;  // of kinds that decode() does not read (HEIC and the like)
  PassedOver passed;
};

// Every picture below the folder, relative to it, with forward slashes. Links are followed; each
// real folder is visited once, so loops end. A link that leads nowhere counts, so that reading it
// later names it. Throws Error when a folder cannot be read.
Pictures pictures_below(const std::filesystem::path& folder);

}  // namespace retort::data
