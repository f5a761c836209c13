#include <algorithm>
#include <array>

#include "retort/report/page.h"
#include "retort/report/text.h"

namespace retort::report {
namespace {

constexpr size_t kColumns = 7;
constexpr size_t kTextColumns = 2;  // aligned left; numbers right
using Cells = std::array<std::string, kColumns>;

// A name that moves the terminal's cursor would break the table.
std::string printable(std::string_view text) {
  std::string out = shorten(text, length(text));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; }, '?');
  return out;
}

Cells cells(const Row& row) {
  return {printable(row.name),      printable(row.model),           percent(row.accuracy),         count(row.parameters),
          count(row.multiply_adds), milliseconds(row.milliseconds), duration(row.training_seconds)};
}

}  // namespace

std::string render_table(const std::vector<Row>& rows) {
  if (rows.empty()) return "";
  std::vector<Cells> lines = {{"run", "model", "accuracy", "parameters", "multiply-adds", "an image", "training"}};
  for (const Row& row : rows) lines.push_back(cells(row));
  std::array<int64_t, kColumns> width{};
  for (const Cells& line : lines) {
    for (size_t c = 0; c < kColumns; ++c) width[c] = std::max(width[c], length(line[c]));
  }

  std::string rule;
  for (size_t c = 0; c < kColumns; ++c) rule += std::string(static_cast<size_t>(width[c]), '-') + (c + 1 < kColumns ? "  " : "\n");
  std::string out;
  for (size_t l = 0; l < lines.size(); ++l) {
    std::string text;
    for (size_t c = 0; c < kColumns; ++c) {
      const std::string blanks(static_cast<size_t>(width[c] - length(lines[l][c])), ' ');
      text += (c == 0 ? "" : "  ") + (c < kTextColumns ? lines[l][c] + blanks : blanks + lines[l][c]);
    }
    out += text + '\n';
    if (l == 0) out += rule;
  }
  return out;
}

}  // namespace retort::report
