#include "cli/run_options.h"

#include <cmath>
#include <sstream>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/unicode.h"
#include "retort/run/options.h"

namespace retort::cli {
namespace {

// Sets an option that neither the command line nor an earlier file has set.
void set_unsaid(CLI::Option& option, const std::vector<std::string>& values,
                const std::string& where) {
  if (option.count() > 0 || values.empty()) return;
  try {
    option.add_result(values);
    option.run_callback();
  } catch (const CLI::Error& error) {
    throw UsageError(error.what(), where);
  }
}

// Removes comments. (Some versions of CLI11 take a '#' within quotes for one.)
std::string without_comments(const std::string& text) {
  std::string out;
  char quote = '\0';
  bool comment = false;
  for (const char c : text) {
    if (c == '\n') {
      quote = '\0';  // strings do not span lines
      comment = false;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      comment = true;
    }
    if (!comment) out += c;
  }
  return out;
}

void read_config(CLI::App& command, const std::string& file) {
  std::vector<CLI::ConfigItem> items;
  try {
    std::istringstream stream(without_comments(decoded_text(read_file(file), file)));
    CLI::ConfigTOML reader;
    reader.comment('\0');
    items = reader.from_config(stream);
  } catch (const CLI::Error& error) {
    throw UsageError(std::string("cannot be read: ") + error.what(), file);
  }
  for (const CLI::ConfigItem& item : items) {
    CLI::Option* option =
        item.parents.empty() ? command.get_option_no_throw("--" + item.name) : nullptr;
    if (option == nullptr || !option->get_configurable())
      throw UsageError("has an option '" + item.fullname() + "' that `retort " +
                           command.get_name() + "` does not have",
                       file);
    std::vector<std::string> values;
    std::ranges::copy_if(item.inputs, std::back_inserter(values),
                         [](const std::string& value) { return !value.empty(); });
    set_unsaid(*option, values, file);
  }
}

void add_field(CLI::App& command, const std::string& name, std::string& field, const run::Range&,
               const char* group, const char* help) {
  command.add_option("--" + name, field, help)->group(group)->capture_default_str();
}
void add_field(CLI::App& command, const std::string& name, std::vector<std::string>& field,
               const run::Range&, const char* group, const char* help) {
  command.add_option("--" + name, field, help)->group(group);
}
void add_field(CLI::App& command, const std::string& name, run::LossName& field, const run::Range&,
               const char* group, const char* help) {
  const auto set = [&field](const std::string& word) { field = run::loss_from(word); };
  command.add_option_function<std::string>("--" + name, set, help)
      ->group(group)
      ->default_str(run::loss_word(field));
}
void add_field(CLI::App& command, const std::string& name, bool& field, const run::Range&,
               const char* group, const char* help) {
  command.add_flag("--" + name, field, help)->group(group);
}
template <Worded Choice>
void add_field(CLI::App& command, const std::string& name, Choice& field, const run::Range&,
               const char* group, const char* help) {
  add_choice(command, name, field, help)->group(group);
}
template <typename Number>
requires(!Worded<Number>) void add_field(CLI::App& command, const std::string& name, Number& field,
                                         const run::Range& range, const char* group,
                                         const char* help) {
  CLI::Option* option =
      command.add_option("--" + name, field, help)->group(group)->capture_default_str();
  if (std::isfinite(range.high))
    option->check(CLI::Range(static_cast<Number>(range.low), static_cast<Number>(range.high)));
}

}  // namespace

void add_run_options(CLI::App& command, run::RunConfig& config, RunFiles& files,
                     const std::set<std::string>& but) {
  run::visit_options(config, [&](const char* name, auto& field, const run::Range& range,
                                 const char* group, const char* help) {
    if (!but.contains(name)) add_field(command, name, field, range, group, help);
  });
  command
      .add_option("--config", files.config, "read options from a TOML file; the command line wins")
      ->group("The job")
      ->configurable(false);
  command
      .add_option("--recipe", files.recipe,
                  "for all that is not said otherwise: paper, what Farhat & Chen (2024) trained "
                  "with; patient, function matching "
                  "(Beyer et al. 2021), for runs of many epochs")
      ->group("The job")
      ->configurable(false);
}

void read_run_files(CLI::App& command, const RunFiles& files) {
  if (!files.config.empty()) read_config(command, files.config);
  if (files.recipe.empty()) return;
  const CLI::Option* hours = command.get_option_no_throw("--hours");
  for (const auto& [name, value] : run::recipe(files.recipe)) {
    if (name == "epochs" && hours != nullptr && hours->count() > 0) continue;  // --hours sets them
    CLI::Option* option = command.get_option_no_throw("--" + name);
    if (option != nullptr) set_unsaid(*option, {value}, "--recipe");
  }
}

}  // namespace retort::cli
