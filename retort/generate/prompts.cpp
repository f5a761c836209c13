#include "retort/generate/prompts.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/data/csv.h"
#include "retort/data/listing.h"
#include "retort/data/manifest.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

constexpr const char* kClass = "{class}";
constexpr std::string_view kByteOrderMark =
    "\xEF\xBB\xBF";  // with which some editors begin a text file
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 26;
constexpr size_t kMaxLabelBytes = 200;  // file systems take 255
constexpr size_t kShown = 8;            // classes named in a message

// JSON, PNG and CSV carry it: UTF-8 on one line.
void check_text(const std::string& text, const std::string& where) {
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw Error("control characters in " + quote_name(text), where,
                "write it on one line, without tabs");
  try {
    static_cast<void>(nlohmann::json(text).dump());
  } catch (const nlohmann::json::exception&) {
    throw Error(quote_name(text) + " is not UTF-8", where, "save the file as UTF-8");
  }
}

void check_label(const std::string& label, const std::string& where) {
  check_text(label, where);
  if (!is_label(label))
    throw Error(
        "the class " + quote_name(label) + " cannot be a folder's name", where,
        "leave out '/' and a '.' at the start; `LABEL: WORDS` lets prompts call it otherwise");
}

std::string spoken(std::string label) {
  std::ranges::replace(label, '_', ' ');
  return label;
}

ClassPrompts class_on(const data::Line& line) {
  constexpr std::string_view kSeparator = ": ";
  const size_t separator = line.text.find(kSeparator);
  std::string label = line.text.substr(0, separator);
  check_label(label, line.where);
  std::string words = separator == std::string::npos
                          ? spoken(label)
                          : line.text.substr(separator + kSeparator.size());
  check_text(words, line.where);
  return {std::move(label), std::move(words), {}};
}

std::vector<ClassPrompts> listed_classes(const fs::path& file) {
  std::vector<ClassPrompts> classes;
  std::map<std::string, std::string>
      seen;  // in lower case, to its place: some file systems do not tell them apart
  std::vector<data::Line> lines = data::lines_of(file);
  if (!lines.empty() && lines[0].text.starts_with(kByteOrderMark))
    lines[0].text.erase(0, kByteOrderMark.size());
  for (const data::Line& line : lines) {
    classes.push_back(class_on(line));
    std::string folded = classes.back().label;
    std::ranges::transform(folded, folded.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto [first, fresh] = seen.emplace(folded, line.where);
    if (!fresh)
      throw Error("the class " + quote_name(classes.back().label) + " was there before, at " +
                      first->second,
                  line.where);
  }
  if (classes.empty()) throw Error("names no class", file.string(), "write one class a line");
  return classes;
}

std::vector<ClassPrompts> read_classes(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && path.extension() != ".csv") return listed_classes(path);
  if (!fs::exists(path, ignored))
    throw Error("there is no such file or folder", path.string(),
                "give a text file with one class a line, or a data set");
  std::vector<ClassPrompts> classes;
  data::ManifestOptions whole;
  whole.test_fraction = 0;  // or two images a class would be too few
  for (const std::string& label : data::load_manifest(path, whole).classes) {
    check_label(label, path.string());
    classes.push_back({label, spoken(label), {}});
  }
  return classes;
}

std::string template_of(const std::string& prompt) {
  for (const Preset& preset : presets()) {
    if (prompt == preset.name) return preset.prompt;
  }
  check_text(prompt, "--prompt");
  if (prompt.find(kClass) != std::string::npos) return prompt;
  std::string names;
  for (const Preset& preset : presets())
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  throw UsageError(
      quote_name(prompt) + " has no {class} in it, and is none of the presets " + names, "--prompt",
      "write {class} where the class's name is to stand");
}

std::string some_of(const std::vector<ClassPrompts>& classes) {
  std::string names;
  for (size_t i = 0; i < std::min(classes.size(), kShown); ++i)
    names += (i == 0 ? "" : ", ") + quote_name(classes[i].label);
  return classes.size() > kShown ? names + ", …" : names;
}

void read_file_prompts(const fs::path& file, const fs::path& known,
                       std::vector<ClassPrompts>& classes) {
  const std::vector<data::CsvRow> rows =
      data::parse_csv(read_file(file, kMaxFileBytes), file.string());
  if (rows.empty() || rows[0].fields != std::vector<std::string>{"class", "prompt"})
    throw Error("does not start with the line `class,prompt`", file.string(),
                "give each prompt a line CLASS,PROMPT below that line");
  for (size_t i = 1; i < rows.size(); ++i) {
    const std::string where = file.string() + ":" + std::to_string(rows[i].line);
    if (rows[i].fields.size() != 2)
      throw Error("has " + std::to_string(rows[i].fields.size()) + " fields instead of 2", where,
                  "quote a prompt that holds commas");
    const std::string &label = rows[i].fields[0], &prompt = rows[i].fields[1];
    const auto found = std::ranges::find(classes, label, &ClassPrompts::label);
    if (found == classes.end())
      throw Error("there is no class " + quote_name(label) + " in " + known.string(), where,
                  "its classes are " + some_of(classes));
    check_text(prompt, where);
    if (prompt.empty()) throw Error("has no prompt", where);
    found->prompts.push_back(replaced(prompt, kClass, found->words));
  }
}

}  // namespace

bool is_label(const std::string& text) {
  return !text.empty() && text.size() <= kMaxLabelBytes && text[0] != '.' &&
         text.find('/') == std::string::npos;
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {{"inside", "the inside of a {class}"},
                                          {"picture", "a picture of a {class}"},
                                          {"texture", "{class} texture"}};
  return all;
}

std::vector<ClassPrompts> read_prompts(const PromptOptions& options) {
  std::vector<std::string> templates = options.prompts;
  if (templates.empty() && options.file.empty()) templates = {kDefaultPrompt};
  for (std::string& prompt : templates) prompt = template_of(prompt);
  std::vector<ClassPrompts> classes = read_classes(options.classes);
  if (!options.file.empty()) read_file_prompts(options.file, options.classes, classes);
  for (ClassPrompts& one : classes) {
    if (!one.prompts.empty()) continue;
    for (const std::string& prompt : templates)
      one.prompts.push_back(replaced(prompt, kClass, one.words));
    if (one.prompts.empty())
      throw Error("has no prompt for the class " + quote_name(one.label), options.file.string(),
                  "add a line for it, or give --prompt for the rest");
  }
  return classes;
}

std::string replaced(const std::string& text, const std::string& name, const std::string& value) {
  std::string result;
  size_t from = 0;
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, from)) {
    result.append(text, from, at - from).append(value);
    from = at + name.size();
  }
  return result.append(text, from);
}

}  // namespace retort::generate
