#include <string>
#include <vector>

#include "retort/core/text.h"
#include "retort/report/page.h"

namespace retort::report {
namespace {

std::vector<std::string> cells(const Row& row) {
  return {row.name,
          row.model,
          percent(row.accuracy),
          count(row.parameters),
          count(row.multiply_adds),
          milliseconds(row.milliseconds),
          duration(row.training_seconds)};
}

}  // namespace

std::string render_table(const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::vector<std::vector<std::string>> lines = {
      {"run", "model", "accuracy", "parameters", "multiply-adds", "an image", "training"}};
  for (const Row& row : rows) lines.push_back(cells(row));
  return aligned(lines, 2);  // two columns of names, then numbers
}

}  // namespace retort::report
