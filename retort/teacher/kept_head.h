#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::teacher {

// For each class of a task, the output of a classifier that was trained for the classes `outputs`,
// found by name. Case, and what stands between words (blank, '_', '-'), count only where two names
// differ in nothing else. Throws Error, naming `where` and the first of the classes without an
// output.
std::vector<int64_t> outputs_of_classes(const std::vector<std::string>& outputs,
                                        const std::vector<std::string>& classes,
                                        const std::string& where);

}  // namespace retort::teacher
