#pragma once

#include <functional>
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::cli {

// What a command gets besides its options: a log, a stop flag, the stream for its results, and the
// objects of the program that calls the library (retort/run/objects.h).
struct Session {
  Log& log;
  std::function<const StopFlag&()> stop;  // called by commands that can be stopped
  std::ostream& out;
  std::shared_ptr<const run::Objects> objects{};
};

// Each function adds its subcommand, whose callback does the work.
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

// Adds all of them.
void add_commands(CLI::App& app, const Session& session);

// The command line of `retort` with all its commands.
std::unique_ptr<CLI::App> make_app(const Session& session);

// Throws UsageError, listing the commands, where `name` is neither a command nor an option.
void check_command(const CLI::App& app, const std::string& name);

// Runs the program. Returns its exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by the
// user.
int run_program(int argc, const char* const* argv,
                const std::shared_ptr<const run::Objects>& objects = {});

}  // namespace retort::cli
