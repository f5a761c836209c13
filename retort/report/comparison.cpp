#include "retort/report/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "retort/core/text.h"
#include "retort/report/document.h"
#include "retort/report/escape.h"

namespace retort::report {
namespace {

using Line = std::vector<std::string>;

Line heading(const Comparison& comparison) {
  return {"arm",
          "teacher",
          "accuracy, " + comparison.split,
          "mean over classes",
          "seeds",
          "training",
          "teacher, once",
          "student images",
          "saved"};
}
constexpr size_t kTextColumns = 2;

Line cells(const Arm& arm) {
  return {arm.name,
          arm.teacher.empty() ? "–" : arm.teacher,
          to_string(spread_of(arm.accuracy)),
          to_string(spread_of(arm.class_accuracy)),
          std::to_string(arm.accuracy.size()),
          arm.image_steps > 0 ? duration(arm.training_seconds) : "–",
          arm.teacher_seconds > 0 ? duration(arm.teacher_seconds) : "–",
          count(arm.image_steps),
          std::isfinite(arm.saved) ? percent(arm.saved) : "–"};
}

std::string notes(const Comparison& comparison, const std::string& separator) {
  std::string out = "Student: " + comparison.student + ". " + comparison.budget;
  if (!comparison.measures.empty()) out += separator + comparison.measures;
  for (const std::string& teacher : comparison.teachers)
    out += separator + "Teacher " + teacher + ".";
  return comparison.pretraining.empty() ? out : out + separator + comparison.pretraining;
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return {kUnknown, kUnknown};
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() == 1) return {mean, kUnknown};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (n - 1))};
}

std::string to_string(const Spread& spread) {
  return fixed(spread.mean, 1) +
         (std::isfinite(spread.deviation) ? " ± " + fixed(spread.deviation, 1) : "");
}

std::string render_text(const Comparison& comparison) {
  std::vector<Line> lines = {heading(comparison)};
  for (const Arm& arm : comparison.arms) lines.push_back(cells(arm));
  return aligned(lines, kTextColumns) + '\n' + notes(comparison, "\n") + '\n';
}

std::string render_markdown(const Comparison& comparison) {
  const auto row = [](const Line& line) {
    std::string out = "|";
    for (const std::string& cell : line) out += " " + cell + " |";
    return out + "\n";
  };
  std::string out = row(heading(comparison)) + "|";
  for (size_t c = 0; c < heading(comparison).size(); ++c)
    out += c < kTextColumns ? " --- |" : " ---: |";
  out += "\n";
  for (const Arm& arm : comparison.arms) out += row(cells(arm));
  return out + "\n" + notes(comparison, "\n\n") + "\n";
}

std::string render_html(const Comparison& comparison) {
  std::string head, body;
  const Line names = heading(comparison);
  for (size_t c = 0; c < names.size(); ++c)
    head += (c < kTextColumns ? "<th>" : "<th class=\"n\">") + escape(names[c]) + "</th>";
  for (const Arm& arm : comparison.arms) {
    const Line line = cells(arm);
    body += "<tr>";
    for (size_t c = 0; c < line.size(); ++c) {
      body += (c < kTextColumns ? "<td>" : "<td class=\"n\">") + escape(line[c]);
      if (c == kTextColumns)
        body += "<span class=\"meter\"><i style=\"width:" +
                fixed(std::clamp(spread_of(arm.accuracy).mean, 0.0, 100.0), 1) + "%\"></i></span>";
      body += "</td>";
    }
    body += "</tr>";
  }
  return document(comparison.title, "<header><h1>" + escape(comparison.title) +
                                        "</h1></header><section><h2>Results</h2><div "
                                        "class=\"wide\"><table class=\"rows\"><thead><tr>" +
                                        head + "</tr></thead><tbody>" + body +
                                        "</tbody></table></div><p class=\"note\">" +
                                        escape(notes(comparison, " ")) + "</p></section>");
}

}  // namespace retort::report
