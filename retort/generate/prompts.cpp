#include "retort/generate/prompts.h"

#include <algorithm>
#include <utility>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/data/class_list.h"
#include "retort/data/csv.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

constexpr const char* kClass = "{class}";
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 26;
constexpr size_t kShown = 8;  // classes named in a message

std::string template_of(const std::string& prompt) {
  for (const Preset& preset : presets()) {
    if (prompt == preset.name) return preset.prompt;
  }
  data::check_one_line(prompt, "--prompt");
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
    data::check_one_line(prompt, where);
    if (prompt.empty()) throw Error("has no prompt", where);
    found->prompts.push_back(replaced(prompt, kClass, found->words));
  }
}

}  // namespace

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
  std::vector<ClassPrompts> classes;
  for (data::ClassName& each : data::read_classes(options.classes))
    classes.push_back({std::move(each.label), std::move(each.words), {}});
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
