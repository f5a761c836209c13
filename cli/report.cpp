#include "retort/run/report_run.h"

#include <memory>

#include "cli/command.h"
#include "retort/run/run_folder.h"

namespace retort::cli {
namespace {

struct ReportArguments {
  std::string run;
  std::vector<std::string> against;
};

}  // namespace

void add_report(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command =
      app.add_subcommand("report", "Write a run's report.html, and print its table");
  command->add_option("--run", arguments->run, "run folder")->required();
  command->add_option(
      "--against", arguments->against,
      "other runs to set beside it, for example one with --teacher none; may be given again");
  command->callback([arguments, session] {
    const std::vector<std::filesystem::path> against(arguments->against.begin(),
                                                     arguments->against.end());
    session.out << report::render_table(run::write_report(arguments->run, against))
                << "\nreport: " << run::RunFolder{arguments->run}.report().string() << '\n';
  });
}

}  // namespace retort::cli
