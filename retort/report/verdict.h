#pragma once

#include <string>

#include "retort/report/page.h"

namespace retort::report {

// The row of the page's student: the first one that is not "teacher". Null when there is none.
const Row* student_of(const Page& page);

// The result in one sentence: the student's accuracy, compared with its teacher's and the other
// rows'.
std::string verdict(const Page& page, const data::Metrics& metrics);

}  // namespace retort::report
