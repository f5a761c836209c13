#pragma once

#include <filesystem>
#include <vector>

#include "retort/report/page.h"

namespace retort::run {

// The rows of the report of a finished run: the teacher, the student, and other runs' students.
std::vector<report::Row> rows_of(const std::filesystem::path& run,
                                 const std::vector<std::filesystem::path>& against);

// Writes the report.html of a finished run, with the other runs' rows, and returns the rows.
std::vector<report::Row> write_report(const std::filesystem::path& run,
                                      const std::vector<std::filesystem::path>& against);

}  // namespace retort::run
