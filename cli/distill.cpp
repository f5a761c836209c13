#include "retort/run/distill.h"

#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/terminal.h"
#include "retort/core/error.h"
#include "retort/run/report_run.h"
#include "retort/run/run_folder.h"

namespace retort::cli {
namespace {

struct Arguments {
  run::RunConfig config;
  run::DistillOptions options;
  std::string file;
};

// What the command line left unsaid, from the file. (CLI11 reads configuration files for the whole program only, not for a subcommand.)
void read_config(CLI::App& command, const std::string& file) {
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_file(file);
  } catch (const CLI::Error& error) {
    throw UsageError(std::string("cannot be read: ") + error.what(), file);
  }
  for (const CLI::ConfigItem& item : items) {
    CLI::Option* option = item.parents.empty() ? command.get_option_no_throw("--" + item.name) : nullptr;
    if (option == nullptr || !option->get_configurable())
      throw UsageError("has an option '" + item.fullname() + "' that `retort distill` does not have", file);
    std::vector<std::string> values;
    std::ranges::copy_if(item.inputs, std::back_inserter(values), [](const std::string& value) { return !value.empty(); });
    if (option->count() > 0 || values.empty()) continue;
    try {
      option->add_result(values);
      option->run_callback();
    } catch (const CLI::Error& error) {
      throw UsageError(error.what(), file);
    }
  }
}

void add_field(CLI::App& command, const std::string& name, std::string& field, const run::Range&, const char* group, const char* help) {
  command.add_option("--" + name, field, help)->group(group)->capture_default_str();
}
void add_field(CLI::App& command, const std::string& name, std::vector<std::string>& field, const run::Range&, const char* group,
               const char* help) {
  command.add_option("--" + name, field, help)->group(group);
}
template <typename Number>
void add_field(CLI::App& command, const std::string& name, Number& field, const run::Range& range, const char* group, const char* help) {
  CLI::Option* option = command.add_option("--" + name, field, help)->group(group)->capture_default_str();
  if (std::isfinite(range.high)) option->check(CLI::Range(static_cast<Number>(range.low), static_cast<Number>(range.high)));
}

}  // namespace

void add_distill(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("distill", "Train a student from a teacher on a folder of images");
  run::visit_options(arguments->config, [&](const char* name, auto& field, const run::Range& range, const char* group, const char* help) {
    add_field(*command, name, field, range, group, help);
  });
  command
      ->add_flag("--resume", arguments->options.resume,
                 "go on with the unfinished run in --out; ends with the same weights as if never stopped")
      ->group("The job")
      ->configurable(false);
  command->add_flag("--force", arguments->options.force, "write over whatever run is in --out")->group("The job")->configurable(false);
  command->add_option("--config", arguments->file, "read options from a TOML file; the command line wins")
      ->group("The job")
      ->configurable(false);
  command->footer(
      "Writes into --out: student.safetensors, student.onnx, report.html, summary.json, metrics.jsonl, config.toml, log.txt.\n"
      "Example: retort distill --data photos/ --teacher efficientnet_lite2.pth --student mobilenet_v2 --out runs/photos");
  command->callback([arguments, command] {
    if (!arguments->file.empty()) read_config(*command, arguments->file);
    TerminalLog log;
    run::distill(arguments->config, arguments->options, log, stop_on_interrupt());
    const run::RunFolder folder{arguments->config.out};
    std::cout << report::render_table(run::rows_of(folder.root, {})) << "\nreport: " << folder.report().string()
              << "\nmodel:  " << folder.onnx().string() << '\n';
  });
}

}  // namespace retort::cli
