#include <iostream>
#include <memory>

#include "cli/command.h"
#include "retort/losses/loss.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/registry.h"

namespace retort::cli {
namespace {

void list_models(bool teachers) {
  for (const models::Family& family : models::families()) {
    const bool graph = family.name == models::kGraphArch;  // a teacher, never a student
    if (teachers ? !family.recognise && !graph : graph) continue;
    std::cout << family.name << ": " << family.summary << '\n';
    for (const std::string& arch : family.archs) std::cout << "  " << arch << '\n';
  }
}

const char* name_of(losses::Kind kind) {
  switch (kind) {
    case losses::Kind::label:
      return "labels";
    case losses::Kind::embedding:
      return "--loss";
    case losses::Kind::logit:
      return "--logit-loss";
  }
  return "";
}

void list_losses() {
  for (const losses::LossEntry& entry : losses::losses()) {
    std::cout << entry.name << " (" << name_of(entry.kind) << ", weight " << entry.weight
              << "): " << entry.summary << '\n';
    for (const auto& [option, value] : entry.options)
      std::cout << "  " << option << " = " << losses::to_string(value) << '\n';
  }
}

}  // namespace

void add_list(CLI::App& app) {
  const auto what = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("list", "Name what there is: teachers, students or losses");
  command->add_option("what", *what, "teachers, students or losses")
      ->required()
      ->check(CLI::IsMember({"teachers", "students", "losses"}));
  command->callback(
      [what] { *what == "losses" ? list_losses() : list_models(*what == "teachers"); });
}

}  // namespace retort::cli
