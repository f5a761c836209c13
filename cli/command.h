#pragma once

#include <CLI/CLI.hpp>

namespace retort::cli {

// Each adds its subcommand, whose callback does the work.
void add_cache(CLI::App& app);
void add_compare(CLI::App& app);
void add_distill(CLI::App& app);
void add_eval(CLI::App& app);
void add_gate(CLI::App& app);
void add_generate(CLI::App& app);
void add_inspect(CLI::App& app);
void add_list(CLI::App& app);
void add_predict(CLI::App& app);
void add_pull(CLI::App& app);
void add_report(CLI::App& app);

}  // namespace retort::cli
