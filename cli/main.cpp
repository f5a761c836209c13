#include <ATen/Parallel.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "cli/command.h"
#include "retort/core/error.h"
#include "retort/core/memory.h"
#include "retort/core/processors.h"
#include "retort/core/quote.h"
#include "retort/version.h"

namespace {

// Of a name that is no command's, CLI11 says that a command is missing.
void check_command(const CLI::App& app, const std::string& name) {
  if (name.starts_with('-')) return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) return;
    known += (known.empty() ? "one of: " : ", ") + command->get_name();
  }
  throw retort::UsageError("there is no command '" + name + "'", "", known);
}

// In a container libtorch would start a thread for each of the machine's processors, however few of
// them it may use.
void use_own_processors() {
  const bool said =
      std::getenv("OMP_NUM_THREADS") != nullptr || std::getenv("MKL_NUM_THREADS") != nullptr;
  if (!said) at::set_num_threads(static_cast<int>(retort::usable_processors()));
}

}  // namespace

// Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by the user.
int main(int argc, char** argv) {
  using namespace retort;
  keep_tensor_memory();
  use_own_processors();
  CLI::App app(
      "retort distils a pre-trained teacher into a small, randomly initialised model for your "
      "images.",
      "retort");
  app.set_version_flag("--version", std::string("retort ") + kVersion);
  app.require_subcommand(1);
  app.footer(
      "First steps:\n"
      "  retort distill --data photos/ --teacher efficientnet_lite2.pth --student mobilenet_v2 "
      "--out runs/photos\n"
      "  retort predict --run runs/photos a.jpg b.png\n"
      "`retort COMMAND --help` says what a command takes.");
  cli::add_distill(app);
  cli::add_compare(app);
  cli::add_generate(app);
  cli::add_gate(app);
  cli::add_eval(app);
  cli::add_predict(app);
  cli::add_report(app);
  cli::add_inspect(app);
  cli::add_pull(app);
  cli::add_list(app);
  cli::add_cache(app);
  try {
    if (argc < 2) {
      std::fputs(app.help().c_str(), stderr);
      return 2;
    }
    check_command(app, argv[1]);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "retort: %s\n", printable_message(error.what()).c_str());
    return 2;
  } catch (const Interrupted& error) {
    std::fprintf(stderr, "retort: %s\n", printable_message(error.what()).c_str());
    return 130;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "retort: %s\n", printable_message(error.what()).c_str());
    return 1;
  }
}
