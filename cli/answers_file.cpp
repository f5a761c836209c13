#include "cli/answers_file.h"

#include <memory>
#include <sstream>
#include <vector>

#include "cli/command.h"
#include "retort/core/file.h"

namespace retort::cli {
namespace {

using Words = std::vector<std::string>;

// The program's output for these words.
std::string answer_to(Words words) {
  std::ostream nowhere(nullptr);
  const std::unique_ptr<CLI::App> app = make_app({null_log(), never_stop, nowhere});
  std::ostringstream text;
  try {
    app->parse(Words(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    app->exit(error, text, text);
  }
  return text.str();
}

void add_answer(const Words& words, const std::string& answer, std::string& source) {
  source += "    {\"";
  for (const std::string& word : words) source += word + "\\0";
  source += "\"sv, R\"--(" + answer + ")--\"sv},\n";
}

void add_help(const CLI::App& app, Words words, std::string& source) {
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    Words deeper = words;
    deeper.push_back(command->get_name());
    add_help(*command, deeper, source);
  }
  words.emplace_back("--help");
  add_answer(words, answer_to(words), source);
}

}  // namespace

void write_answers(const std::filesystem::path& file) {
  std::ostream nowhere(nullptr);
  const std::unique_ptr<CLI::App> app = make_app({null_log(), never_stop, nowhere});
  std::string source =
      "#pragma once\n\n#include <string_view>\n\n"
      "namespace retort::cli {\n\nusing namespace std::literals;\n\n"
      "// Words of a command line, a zero after each, and what is printed for them.\n"
      "struct Answer {\n  std::string_view words, text;\n};\n\n"
      "constexpr Answer kAnswers[]{\n";
  add_answer({}, app->help(), source);
  add_answer({"--version"}, answer_to({"--version"}), source);
  add_help(*app, {}, source);
  source += "};\n\n}  // namespace retort::cli\n";
  std::error_code error;
  if (!std::filesystem::exists(file, error) || read_file(file) != source)
    write_file_atomic(file, source);
}

}  // namespace retort::cli
