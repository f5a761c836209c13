#include "retort/data/csv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/text.h"
#include "retort/core/unicode.h"

namespace retort::data {
namespace {

constexpr std::string_view kSeparators = ",;\t|";

struct Dialect {
  char separator = ',';
  bool loose = false;  // blanks around fields are removed
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& name, Dialect dialect)
      : text_(text), name_(name), dialect_(dialect) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> rows;
    while (!text_.empty()) {
      CsvRow row = next_row();
      const bool empty = dialect_.loose ? std::ranges::all_of(row.fields, &std::string::empty)
                                        : row.fields.size() == 1 && row.fields[0].empty();
      if (!empty) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  CsvRow next_row() {
    CsvRow row{.line = line_, .fields = {}};
    do {
      skip_blanks();
      row.fields.push_back(text_.starts_with('"') ? quoted() : bare());
    } while (skip({&dialect_.separator, 1}));
    if (!skip("\r\n") && !skip("\n") && !text_.empty())
      fail("text follows a closing quote",
           "put the whole field in double quotes, and write each quote in it twice");
    ++line_;
    return row;
  }

  std::string bare() {
    const char ends[] = {dialect_.separator, '\n', '\0'};
    const size_t end = std::min(text_.find_first_of(ends), text_.size());
    std::string field(text_.substr(0, end));
    text_.remove_prefix(end);
    if (!text_.starts_with(dialect_.separator) && field.ends_with('\r')) field.pop_back();
    if (dialect_.loose) field = std::string(trimmed(field));
    if (field.find('"') != std::string::npos)
      fail("a quote stands inside a field that does not start with one",
           "put the whole field in double quotes, and write each quote in it twice");
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
        fail("a quote is not closed",
             "close it, or write a quote that is part of the field twice, within double quotes");
      }
      for (const char c : text_.substr(0, quote)) line_ += c == '\n';
      field += text_.substr(0, quote);
      text_.remove_prefix(quote + 1);
      if (!text_.starts_with('"')) break;
      field += '"';
      text_.remove_prefix(1);
    }
    skip_blanks();
    return field;
  }

  void skip_blanks() {
    while (dialect_.loose && !text_.empty() && text_[0] != dialect_.separator &&
           (text_[0] == ' ' || text_[0] == '\t'))
      text_.remove_prefix(1);
  }

  bool skip(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  [[noreturn]] void fail(const std::string& what, const std::string& mend) const {
    throw Error(what, name_ + ":" + std::to_string(line_), mend);
  }

  std::string_view text_;
  const std::string& name_;
  Dialect dialect_;
  int64_t line_ = 1;
};

// The separator that appears most often, outside quotes, in the first line that is not empty.
char separator_of(std::string_view text) {
  std::array<int64_t, kSeparators.size()> counts{};
  bool in_quotes = false, any = false;
  for (const char c : text) {
    if (c == '"') in_quotes = !in_quotes;
    if (!in_quotes && c == '\n' && any) break;
    any |= c != '\n' && c != '\r';
    const size_t place = kSeparators.find(c);
    if (!in_quotes && place != std::string_view::npos) ++counts[place];
  }
  return kSeparators[static_cast<size_t>(std::ranges::max_element(counts) - counts.begin())];
}

// Reads Excel's first line `sep=;`, and removes it from the text.
std::optional<char> stated_separator(std::string_view& text) {
  constexpr std::string_view kStart = "sep=";
  const std::string_view line = text.substr(0, text.find('\n'));
  const bool stated = line.starts_with(kStart) && line.size() > kStart.size() &&
                      trimmed(line.substr(kStart.size() + 1)).empty();
  if (!stated) return std::nullopt;
  text.remove_prefix(
      std::min(line.size(), text.size()));  // its line end stays: lines are numbered as in the file
  return line[kStart.size()];
}

}  // namespace

Table parse_table(std::string bytes, const std::string& name) {
  std::string whole = decoded_text(std::move(bytes), name);
  if (whole.find('\0') != std::string::npos)
    throw Error("is no text", name, "give a CSV file `path,label,split`");
  if (whole.find('\n') == std::string::npos) std::ranges::replace(whole, '\r', '\n');
  std::string_view text = whole;
  const std::optional<char> stated = stated_separator(text);
  const Dialect dialect{.separator = stated.value_or(separator_of(text)), .loose = true};
  return {Parser(text, name, dialect).rows(), dialect.separator};
}

std::string separator_name(char separator) {
  switch (separator) {
    case ',':
      return "commas";
    case ';':
      return "semicolons";
    case '\t':
      return "tabs";
    default:
      return "'" + std::string(1, separator) + "'";
  }
}

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& name) {
  return Parser(text, name, {}).rows();
}

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
