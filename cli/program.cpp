#include <ATen/Parallel.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "cli/command.h"
#include "cli/terminal.h"
#include "retort/core/error.h"
#include "retort/core/memory.h"
#include "retort/core/processors.h"
#include "retort/core/quote.h"
#include "retort/core/spinning.h"
#include "retort/run/objects.h"
#include "retort/version.h"

namespace retort::cli {
namespace {

// In a container libtorch would start a thread for each processor of the machine, even where the
// container may use only a few.
void use_own_processors() {
  const bool said =
      std::getenv("OMP_NUM_THREADS") != nullptr || std::getenv("MKL_NUM_THREADS") != nullptr;
  if (!said) at::set_num_threads(static_cast<int>(usable_processors()));
}

int fail(const std::exception& error, int code) {
  std::fprintf(stderr, "retort: %s\n", printable_message(error.what()).c_str());
  return code;
}

// CLI11 reads nan and inf as numbers, and its ranges let nan pass.
void refuse_not_finite(CLI::App& command) {
  const auto check = [](const std::string& text) {
    return std::isfinite(std::strtod(text.c_str(), nullptr)) ? "" : text + " is no finite number";
  };
  for (CLI::Option* option : command.get_options()) {
    if (option->get_type_name().starts_with("FLOAT")) option->check(check, "");
  }
  for (CLI::App* inner : command.get_subcommands([](const CLI::App*) { return true; }))
    refuse_not_finite(*inner);
}

}  // namespace

void add_commands(CLI::App& app, const Session& session) {
  add_distill(app, session);
  add_compare(app, session);
  add_generate(app, session);
  add_gate(app, session);
  add_eval(app, session);
  add_predict(app, session);
  add_report(app, session);
  add_inspect(app, session);
  add_pull(app, session);
  add_list(app, session);
  add_cache(app, session);
  refuse_not_finite(app);
}

std::unique_ptr<CLI::App> make_app(const Session& session) {
  auto app = std::make_unique<CLI::App>(
      "retort distils a pre-trained teacher into a small, randomly initialised model for your "
      "images.",
      "retort");
  app->set_version_flag("--version", std::string("retort ") + kVersion);
  app->require_subcommand(1);
  app->footer(
      "First steps:\n"
      "  retort distill --data photos/ --teacher efficientnet_lite2.pth --student mobilenet_v2 "
      "--out runs/photos\n"
      "  retort predict --run runs/photos a.jpg b.png\n"
      "`retort COMMAND --help` says what a command takes.");
  add_commands(*app, session);
  return app;
}

// For an unknown name, CLI11 would only say that a command is missing.
void check_command(const CLI::App& app, const std::string& name) {
  if (name.starts_with('-')) return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return;
    known += (known.empty() ? "one of: " : ", ") + command->get_name();
  }
  throw UsageError("there is no command '" + name + "'", "", known);
}

int run_program(int argc, const char* const* argv,
                const std::shared_ptr<const run::Objects>& objects) {
  keep_tensor_memory();
  use_own_processors();
  const AdaptiveSpinning spinning;
  std::unique_ptr<CLI::App> app;
  try {
    TerminalLog log;
    std::ostream nowhere(nullptr);
    const bool speaks = !objects || !objects->ranks || objects->ranks->leads();
    app = make_app(
        {speaks ? log : null_log(), stop_on_interrupt, speaks ? std::cout : nowhere, objects});
    if (argc < 2) {
      std::fputs(app->help().c_str(), stderr);
      return 2;
    }
    check_command(*app, argv[1]);
    app->parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app->exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    return fail(error, 2);
  } catch (const Interrupted& error) {
    return fail(error, 130);
  } catch (const std::exception& error) {
    return fail(error, 1);
  }
}

}  // namespace retort::cli
