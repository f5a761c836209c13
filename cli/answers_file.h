#pragma once

#include <filesystem>

namespace retort::cli {

// Writes the C++ header that cli/front.cpp includes: the output of `--help` for each command, and
// of `--version`. The file is not written where its content would not change.
void write_answers(const std::filesystem::path& file);

}  // namespace retort::cli
