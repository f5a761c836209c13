#pragma once

#include <string>
#include <vector>

#include "retort/run/plan.h"

namespace retort::run {

// The name of the validation images in tables. Without labels of their own (--classes), accuracy is
// how often student and teacher agree.
inline const char* validation_name(bool unlabelled) {
  return unlabelled ? "validation, as the teacher labels it" : "validation";
}

// The texts that a zero-shot teacher's text encoder reads for each class: every --prompt with the
// class's words in it. The words are those of the file of --classes, or the class's name with
// blanks for underscores.
std::vector<std::vector<std::string>> class_texts(const Plan& plan,
                                                  const std::vector<std::string>& classes);

}  // namespace retort::run
