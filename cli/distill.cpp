#include "retort/run/distill.h"

#include <memory>

#include "cli/command.h"
#include "cli/run_options.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"

namespace retort::cli {
namespace {

struct DistillArguments {
  run::RunConfig config;
  run::DistillOptions options{.forecast = true};
  bool dry_run = false;
  RunFiles files;
};

}  // namespace

void add_distill(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<DistillArguments>();
  CLI::App* command =
      app.add_subcommand("distill", "Train a student from a teacher on a folder of images");
  add_run_options(*command, arguments->config, arguments->files);
  command
      ->add_flag(
          "--resume", arguments->options.resume,
          "go on with the unfinished run in --out; ends with the same weights as if never stopped")
      ->group("The job")
      ->configurable(false);
  command
      ->add_flag("--dry-run", arguments->dry_run,
                 "say what it would take, measured on this machine in seconds, and stop: time, "
                 "steps, disk and memory")
      ->group("The job")
      ->configurable(false);
  command
      ->add_flag("--force", arguments->options.force,
                 "start over; whatever run is in --out stays until the new one is whole, which "
                 "then takes its place")
      ->group("The job")
      ->configurable(false);
  command->footer(
      "Writes into --out: student.safetensors, student.onnx, report.html, summary.json, "
      "metrics.jsonl, config.toml, log.txt.\n"
      "Example: retort distill --data photos/ --teacher efficientnet_lite2.pth --student "
      "mobilenet_v2 --out runs/photos");
  command->callback([arguments, command, session] {
    read_run_files(*command, arguments->files);
    arguments->config.objects = session.objects;
    if (arguments->dry_run) {
      if (arguments->config.out.empty()) arguments->config.out = ".";  // nothing is written there
      session.out << run::text_of(run::forecast(arguments->config, session.log, session.stop()))
                  << '\n';
      return;
    }
    run::distill(arguments->config, arguments->options, session.log, session.stop());
    const run::RunFolder folder{arguments->config.out};
    session.out << report::render_table(run::rows_of(folder.root, {}))
                << "\nreport: " << folder.report().string()
                << "\nmodel:  " << folder.onnx().string() << '\n';
  });
}

}  // namespace retort::cli
