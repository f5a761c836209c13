#include "retort/report/verdict.h"

#include <cmath>

#include "retort/core/text.h"

namespace retort::report {
namespace {

const Row* teacher_of(const Page& page) {
  for (const Row& row : page.rows) {
    if (row.name == "teacher") return &row;
  }
  return nullptr;
}

std::string called(const Row& row) {
  if (row.name == "from scratch" && !row.model.empty()) return row.model + " trained from scratch";
  if (row.name == "finetuned" && !row.model.empty())
    return row.model + " pre-trained and finetuned";
  return row.name + (row.model.empty() ? "" : " " + row.model);
}

std::string compared(const Row& student, const Row& other, const std::string& name) {
  const double points = student.accuracy - other.accuracy;
  const std::string at = name + " (" + percent(other.accuracy) + ")";
  if (std::abs(points) < 0.05) return "level with " + at;
  const std::string size = fixed(std::abs(points), 1);
  return size + (size == "1.0" ? " point " : " points ") + (points > 0 ? "above " : "below ") + at;
}

std::string savings(const Row& student, const Row& teacher) {
  std::string out;
  const auto add = [&](int64_t ours, int64_t theirs, const char* what) {
    if (ours <= 0 || theirs <= 0) return;
    const double ratio = static_cast<double>(theirs) / static_cast<double>(ours);
    if (ratio >= 1.05)
      out += (out.empty() ? ", with " : " and ") + fixed(ratio, 1) + "× fewer " + what;
  };
  add(student.parameters, teacher.parameters, "parameters");
  add(student.multiply_adds, teacher.multiply_adds, "multiply-adds");
  return out.empty() ? out : out + " than the teacher";
}

}  // namespace

const Row* student_of(const Page& page) {
  for (const Row& row : page.rows) {
    if (row.name != "teacher") return &row;
  }
  return nullptr;
}

std::string verdict(const Page& page, const data::Metrics& metrics) {
  const Row* student = student_of(page);
  const Row* teacher = teacher_of(page);
  if (!student && !teacher && page.predictions.empty()) return "There are no results yet.";
  if (!student && !teacher)
    return percent(metrics.accuracy) + " of the " + page.split +
           " images are classified correctly.";
  const Row& subject = student ? *student : *teacher;
  const std::string out = "The " + called(subject) + " classifies " + percent(subject.accuracy) +
                          " of the " + page.split + " images correctly";
  std::string beside;
  const auto add = [&](const Row& row, const std::string& name) {
    beside += (beside.empty() ? ": " : ", ") + compared(subject, row, name);
  };
  if (student && teacher) add(*teacher, "its " + called(*teacher));
  for (const Row& row : page.rows) {
    if (&row != student && &row != teacher) add(row, "the " + called(row));
  }
  if (student && teacher) beside += savings(*student, *teacher);
  return out + beside + ".";
}

}  // namespace retort::report
