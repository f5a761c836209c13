#pragma once

#include <filesystem>
#include <string>

namespace retort::testing {

// Writes root/<split>/<class>/<i>.jpg: pictures that a small network can tell apart (each class has
// its own colour and stripe width, with noise by formula).
void write_pictures(const std::filesystem::path& root, const std::string& split, int64_t classes,
                    int64_t per_class, int64_t width = 40, int64_t height = 32);

}  // namespace retort::testing
