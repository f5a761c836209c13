#pragma once

#include <filesystem>
#include <vector>

#include "retort/report/page.h"

namespace retort::run {

// Writes report.html of a finished run, beside the other runs' rows, and returns the rows: the teacher, the student, the others' students.
std::vector<report::Row> write_report(const std::filesystem::path& run, const std::vector<std::filesystem::path>& against);

}  // namespace retort::run
