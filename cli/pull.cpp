#include <memory>

#include "cli/command.h"
#include "retort/hub/pull.h"

namespace retort::cli {
namespace {

struct PullArguments {
  std::string name;
  bool pth = false;
  std::vector<std::string> files;
};

void pull(const PullArguments& arguments, const Session& session) {
  hub::PullOptions options = hub::options_from_environment();
  options.pickled = arguments.pth;
  options.files = arguments.files;
  const hub::Snapshot snapshot =
      hub::pull(hub::parse_reference(arguments.name), options, session.log, session.stop());
  session.out << snapshot.folder.string() << '\n';
}

}  // namespace

void add_pull(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<PullArguments>();
  CLI::App* command = app.add_subcommand(
      "pull", "Download a model from the hub, and print the folder that it lies in");
  command->add_option("name", arguments->name, "hf:org/name or hf:org/name@revision")->required();
  command->add_flag("--pth", arguments->pth,
                    "where there are no safetensors, take .bin and .pth files");
  command->add_option("--file", arguments->files, "this file only, whatever it is (repeatable)")
      ->allow_extra_args(false);
  command->callback([arguments, session] { pull(*arguments, session); });
}

}  // namespace retort::cli
