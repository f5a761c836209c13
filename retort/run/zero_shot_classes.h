#pragma once

#include <string>
#include <vector>

#include "retort/run/plan.h"

namespace retort::run {

// What tables call the validation images: without labels of their own (--classes), accuracy is how
// often the student says what its teacher says.
inline const char* validation_name(bool unlabelled) {
  return unlabelled ? "validation, as the teacher labels it" : "validation";
}

// What a zero-shot teacher's text tower reads for each of these classes: every --prompt with the
// class's words in it, which are those of the file of --classes, or its name with blanks for
// underscores.
std::vector<std::vector<std::string>> class_texts(const Plan& plan,
                                                  const std::vector<std::string>& classes);

}  // namespace retort::run
