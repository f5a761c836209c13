#pragma once

#include <filesystem>
#include <string>

#include "retort/report/comparison.h"

namespace retort::run {

// Writes compare.json, compare.md and compare.html into the folder.
void write_comparison(const report::Comparison& comparison, const std::string& student,
                      const std::filesystem::path& out);

}  // namespace retort::run
