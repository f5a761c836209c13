#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "retort/core/log.h"

namespace retort::hub {

// The kind of checksum that an etag of the hub is.
enum class EtagKind {
  sha256,    // 64 hex digits: a file in git's large-file storage
  git_sha1,  // 40 hex digits: git's own name of a file, the sha1 of "blob SIZE\0" and its bytes
  opaque,    // nothing that can be checked
};
EtagKind kind_of(std::string_view etag);

// Computes the etag of a file, in lower case. The kind may not be opaque. Throws Error when the
// file cannot be read, and Interrupted when stopped.
std::string etag_of(const std::filesystem::path& path, EtagKind kind,
                    const StopFlag& stop = never_stop());

}  // namespace retort::hub
