#pragma once

#include <set>
#include <string>

#include <CLI/CLI.hpp>

#include "retort/run/config.h"

namespace retort::cli {

// Every option of a run but those named, and `--config` and `--recipe`.
struct RunFiles {
  std::string config, recipe;
};
void add_run_options(CLI::App& command, run::RunConfig& config, RunFiles& files, const std::set<std::string>& but = {});

// Once the command line is parsed: what it left unsaid from the TOML file, then from the recipe. (CLI11 reads configuration files for the
// whole program only, not for a subcommand.)
void read_run_files(CLI::App& command, const RunFiles& files);

}  // namespace retort::cli
