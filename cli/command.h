#pragma once

#include <functional>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::cli {

// Where a command says what it does, looks whether to stop, and puts what it found; and what its
// caller gives it that is no option.
struct Session {
  Log& log;
  std::function<const StopFlag&()> stop;  // asked for by what can be stopped
  std::ostream& out;
  std::shared_ptr<const run::Objects> objects{};
};

// Each adds its subcommand, whose callback does the work.
void add_cache(CLI::App& app, const Session& session);
void add_compare(CLI::App& app, const Session& session);
void add_distill(CLI::App& app, const Session& session);
void add_eval(CLI::App& app, const Session& session);
void add_gate(CLI::App& app, const Session& session);
void add_generate(CLI::App& app, const Session& session);
void add_inspect(CLI::App& app, const Session& session);
void add_list(CLI::App& app, const Session& session);
void add_predict(CLI::App& app, const Session& session);
void add_pull(CLI::App& app, const Session& session);
void add_report(CLI::App& app, const Session& session);

// All of them.
void add_commands(CLI::App& app, const Session& session);

// `retort`, with its commands.
std::unique_ptr<CLI::App> make_app(const Session& session);

// Throws UsageError where the first argument is no command of the app's.
void check_command(const CLI::App& app, const std::string& name);

// The program, given its arguments and a terminal: exit codes are 0 done, 1 failed, 2 wrong usage,
// 130 stopped by the user.
int run_program(int argc, const char* const* argv,
                const std::shared_ptr<const run::Objects>& objects = {});

}  // namespace retort::cli
