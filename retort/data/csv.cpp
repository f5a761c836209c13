#include "retort/data/csv.h"

#include <algorithm>

#include "retort/core/error.h"

namespace retort::data {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> rows;
    while (!text_.empty()) {
      CsvRow row = next_row();
      if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  CsvRow next_row() {
    CsvRow row{.line = line_, .fields = {}};
    do row.fields.push_back(text_.starts_with('"') ? quoted() : bare());
    while (skip(","));
    if (!skip("\r\n") && !skip("\n") && !text_.empty()) fail("text follows a closing quote");
    ++line_;
    return row;
  }

  std::string bare() {
    const size_t end = std::min(text_.find_first_of(",\n"), text_.size());
    std::string field(text_.substr(0, end));
    text_.remove_prefix(end);
    if (!text_.starts_with(',') && field.ends_with('\r')) field.pop_back();
    if (field.find('"') != std::string::npos) fail("a quote stands inside a field that does not start with one");
    return field;
  }

  std::string quoted() {
    const int64_t start = line_;
    text_.remove_prefix(1);
    std::string field;
    while (true) {
      const size_t quote = text_.find('"');
      if (quote == std::string_view::npos) {
        line_ = start;
        fail("a quote is not closed");
      }
      for (const char c : text_.substr(0, quote)) line_ += c == '\n';
      field += text_.substr(0, quote);
      text_.remove_prefix(quote + 1);
      if (!text_.starts_with('"')) return field;
      field += '"';
      text_.remove_prefix(1);
    }
  }

  bool skip(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(what, name_ + ":" + std::to_string(line_)); }

  std::string_view text_;
  const std::string& name_;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) { return Parser(text, name).rows(); }

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    const bool plain = field.find_first_of(",\"\r\n") == std::string::npos;
    if (!plain) line += '"';
    for (const char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    if (!plain) line += '"';
  }
  return line + '\n';
}

}  // namespace retort::data
