#pragma once

#include <set>
#include <string>

#include <CLI/CLI.hpp>

#include "retort/run/config.h"

namespace retort::cli {

// An option of one of a few words. Another word is a UsageError that lists them.
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

// Every option of a run but those named, and `--config` and `--recipe`.
struct RunFiles {
  std::string config, recipe;
};
void add_run_options(CLI::App& command, run::RunConfig& config, RunFiles& files,
                     const std::set<std::string>& but = {});

// Once the command line is parsed: what it left unsaid from the TOML file, then from the recipe.
// (CLI11 reads configuration files for the whole program only, not for a subcommand.)
void read_run_files(CLI::App& command, const RunFiles& files);

}  // namespace retort::cli
