#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retort::teacher {

// For each of a task's `classes`, the index of the output with this name among a classifier's
// `outputs`. Case and the characters between words (blank, '_', '-') are ignored where no exact
// name is found. Throws Error, naming `where`, at the first class without an output, with several,
// or with the same output as another class.
std::vector<int64_t> outputs_of_classes(const std::vector<std::string>& outputs,
                                        const std::vector<std::string>& classes,
                                        const std::string& where);

}  // namespace retort::teacher
