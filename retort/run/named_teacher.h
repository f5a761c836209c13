#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retort/run/config.h"

namespace retort::run {

// One --teacher: a TeacherWord, NAME, NAME@PIXELS, NAME:WEIGHT or NAME@PIXELS:WEIGHT. Names on the
// hub have colons and revisions of their own ("hf:org/name@v1.0"), so that only numbers count as
// pixels and weights, and none are split from the name of an existing file or folder.
struct NamedTeacher {
  std::string name;                   // a file, a folder, hf:ORG/NAME, object:NAME, or the word
  std::optional<TeacherWord> word{};  // the word, where it is not a name
  std::optional<int64_t> size{};      // its input resolution; empty: --teacher-size
  double weight = 1;                  // (0, 1000], relative to other teachers
};

// Throws UsageError where pixels or weight are out of range.
NamedTeacher teacher_from(const std::string& text);
std::string to_text(const NamedTeacher& teacher);

// Whether the config has a teacher, so that the student is distilled.
bool has_teacher(const RunConfig& config);

}  // namespace retort::run
