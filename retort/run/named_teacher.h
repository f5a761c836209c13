#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retort/run/config.h"

namespace retort::run {

// One --teacher: a TeacherWord, NAME, NAME@PIXELS, NAME:WEIGHT or NAME@PIXELS:WEIGHT. A name on the
// hub has colons and revisions of its own
// ("hf:org/name@v1.0"): only numbers are taken for pixels and weights, and not from the name of a
// file or folder that is there.
struct NamedTeacher {
  std::string name;                   // a file, a folder, hf:ORG/NAME, object:NAME, or the word
  std::optional<TeacherWord> word{};  // that stands in a name's place
  std::optional<int64_t> size{};      // the resolution that it sees; nothing: --teacher-size
  double weight = 1;                  // (0, 1000], beside other teachers
};

// Throws UsageError on numbers out of range.
NamedTeacher teacher_from(const std::string& text);
std::string to_text(const NamedTeacher& teacher);

// Whether the student is distilled at all.
bool has_teacher(const RunConfig& config);

}  // namespace retort::run
