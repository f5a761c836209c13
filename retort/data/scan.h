#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/data/leftovers.h"

namespace retort::data {

// The entries of a folder itself, without those of its sub-folders.
struct FolderContent {
  std::vector<std::string> folders;  // sorted, with links to folders
  int64_t images = 0;                // the number of image files (picture_at)
  PassedOver passed;
};

// Lists a folder. Here and in all functions below, leftovers of operating systems, hidden entries,
// folders that retort wrote, and links to the folder itself or to one above it are passed over.
// Throws Error when the folder cannot be read.
FolderContent content_of(const std::filesystem::path& folder);

// The folders of content_of.
std::vector<std::string> folders_in(const std::filesystem::path& folder);

// Whether any picture lies below the folder. Folders that cannot be read hold none.
bool has_pictures(const std::filesystem::path& folder);

// The end of a message, ", but the archive 'photos.zip'", where the folder itself holds archives;
// else empty.
std::string archives_noted(const std::filesystem::path& folder);
constexpr const char* kUnpackMend = "unpack it there";

struct Pictures {
  std::vector<std::string> images;  // sorted
  std::vector<std::string> unread;  // pictures that decode() does not read (HEIC and the like)
  PassedOver passed;
};

// Every picture below the folder, relative to it, with forward slashes. Links are followed; each
// real folder is visited once, so that loops end. A link to nothing counts as a picture if it is
// called like one, so that reading it reports it. Throws Error when a folder cannot be read.
Pictures pictures_below(const std::filesystem::path& folder);

}  // namespace retort::data
