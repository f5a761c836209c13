#pragma once

#include <filesystem>

namespace retort::cli {

// The C++ header that cli/front.cpp answers from: what `--help` of each command, and what
// `--version`, print. Left as it is where it says so already.
void write_answers(const std::filesystem::path& file);

}  // namespace retort::cli
