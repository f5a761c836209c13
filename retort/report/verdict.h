#pragma once

#include <string>

#include "retort/report/page.h"

namespace retort::report {

// The row that the page is about: the first that is no teacher, before those that it is set beside.
// Null when there is none.
const Row* student_of(const Page& page);

// What came out, in one sentence: the student's accuracy, beside its teacher and the other rows.
std::string verdict(const Page& page, const data::Metrics& metrics);

}  // namespace retort::report
