#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/report/comparison.h"

namespace retort::run {

// The last part of a path or of a name on the hub.
std::string last_part(const std::string& path);

// Replaces each run of characters that are not safe in a file's name by a dash.
std::string folder_name(const std::string& text);

// The folder in which a comparison, in `out`, keeps these teachers after it has trained them.
std::filesystem::path teacher_folder(const std::filesystem::path& out,
                                     const std::vector<std::string>& teachers);

// Writes compare.json, compare.md and compare.html to the folder `out`.
void write_comparison(const report::Comparison& comparison, const std::string& student,
                      const std::filesystem::path& out);

}  // namespace retort::run
