#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retort/report/comparison.h"

namespace retort::run {

// The last part of a path or of a name on the hub.
std::string last_part(const std::string& path);

// What is not safe in a file's name becomes one dash.
std::string folder_name(const std::string& text);

// Where a comparison in the folder `out` keeps the teachers of those names that it trains first.
std::filesystem::path teacher_folder(const std::filesystem::path& out,
                                     const std::vector<std::string>& teachers);

// Writes compare.json, compare.md and compare.html into the folder.
void write_comparison(const report::Comparison& comparison, const std::string& student,
                      const std::filesystem::path& out);

}  // namespace retort::run
