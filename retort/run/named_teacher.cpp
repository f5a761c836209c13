#include "retort/run/named_teacher.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "retort/core/error.h"
#include "retort/core/text.h"

namespace retort::run {
namespace {

// Takes ":2.5" off the end of "name:2.5", where the text after the last mark is a number of these
// characters.
std::optional<double> taken_number(std::string& text, char mark, const char* characters) {
  const size_t at = text.rfind(mark);
  if (at == std::string::npos || at == 0 ||
      text.find_first_not_of(characters, at + 1) != std::string::npos)
    return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str() + at + 1, &end);
  if (*end != '\0' || at + 1 == text.size()) return std::nullopt;
  text.resize(at);
  return number;
}

}  // namespace

NamedTeacher teacher_from(const std::string& text) {
  NamedTeacher teacher{.name = text, .word = choice_in<TeacherWord>(text)};
  std::error_code ignored;
  const auto is_there = [&] { return std::filesystem::exists(teacher.name, ignored); };
  if (teacher.word || is_there()) return teacher;  // an existing file's name may end like this
  if (const std::optional<double> weight = taken_number(teacher.name, ':', "0123456789.")) {
    if (!(*weight > 0 && *weight <= 1000))
      throw UsageError("its weight is not in (0, 1000]", "--teacher " + text);
    teacher.weight = *weight;
    if (is_there()) return teacher;
  }
  if (const std::optional<double> size = taken_number(teacher.name, '@', "0123456789")) {
    teacher.size = static_cast<int64_t>(std::min(*size, 1e6));
    if (*teacher.size < 1 || *teacher.size > 1024)
      throw UsageError("its resolution is not in 1 to 1024 pixels", "--teacher " + text);
  }
  return teacher;
}

std::string to_text(const NamedTeacher& teacher) {
  return teacher.name + (teacher.size ? "@" + std::to_string(*teacher.size) : "") +
         (teacher.weight != 1 ? ":" + significant(teacher.weight, 6) : "");
}

bool has_teacher(const RunConfig& config) {
  return !config.teacher.empty() &&
         choice_in<TeacherWord>(config.teacher.front()) != TeacherWord::none;
}

}  // namespace retort::run
