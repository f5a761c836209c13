#pragma once

#include <filesystem>
#include <vector>

#include "retort/report/page.h"

namespace retort::run {

// The rows of a finished run: the teacher, the student, the other runs' students.
std::vector<report::Row> rows_of(const std::filesystem::path& run,
                                 const std::vector<std::filesystem::path>& against);

// Writes report.html of a finished run, beside the other runs' rows, and returns the rows.
std::vector<report::Row> write_report(const std::filesystem::path& run,
                                      const std::vector<std::filesystem::path>& against);

}  // namespace retort::run
