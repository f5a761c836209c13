#pragma once

#include <set>
#include <string>

#include <CLI/CLI.hpp>

#include "retort/run/config.h"

namespace retort::cli {

// Adds an option whose value is one of a few words. Parsing throws UsageError, listing them, on
// another word.
template <Worded Choice>
CLI::Option* add_choice(CLI::App& command, const std::string& name, Choice& field,
                        const std::string& help) {
  const std::string option = "--" + name;
  return command
      .add_option_function<std::string>(
          option,
          [&field, option](const std::string& word) { field = choice_from<Choice>(word, option); },
          help)
      ->default_str(word_of(field));
}

// Adds every option of a run except those in `but`, and `--config` and `--recipe`, whose values go
// into `files`.
struct RunFiles {
  std::string config, recipe;
};
void add_run_options(CLI::App& command, run::RunConfig& config, RunFiles& files,
                     const std::set<std::string>& but = {});

// Call this after the command line is parsed: sets the options that it does not set from the TOML
// file, and those that neither sets from the recipe. Throws UsageError, naming the file, on an
// unknown option or an invalid value. (CLI11 reads configuration files for the whole program only,
// not for a subcommand.)
void read_run_files(CLI::App& command, const RunFiles& files);

}  // namespace retort::cli
