#include <algorithm>
#include <array>
#include <memory>

#include "cli/command.h"
#include "retort/core/error.h"
#include "retort/losses/loss.h"
#include "retort/models/programs/graph_network.h"
#include "retort/models/registry.h"
#include "retort/run/recommended_teachers.h"

namespace retort::cli {
namespace {

void list_models(bool teachers, std::ostream& out) {
  for (const models::Family& family : models::families()) {
    const bool graph = family.name == models::kGraphArch;  // a teacher, never a student
    if (teachers ? !family.recognise && !graph : graph) continue;
    out << family.name << ": " << family.summary << '\n';
    for (const std::string& arch : family.archs) out << "  " << arch << '\n';
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

void list_losses(std::ostream& out) {
  for (const losses::LossEntry& entry : losses::losses()) {
    out << entry.name << " (" << name_of(entry.kind) << ", weight " << entry.weight
        << "): " << entry.summary << '\n';
    for (const auto& [option, value] : entry.options)
      out << "  " << option << " = " << losses::to_string(value) << '\n';
  }
}

// What can be listed.
struct List {
  const char* name;
  void (*print)(std::ostream&);
};
constexpr std::array kLists{
    List{"teachers", [](std::ostream& out) { list_models(/*teachers=*/true, out); }},
    List{"students", [](std::ostream& out) { list_models(/*teachers=*/false, out); }},
    List{"losses", list_losses},
};

}  // namespace

void add_list(CLI::App& app, const Session& session) {
  const auto what = std::make_shared<std::string>();
  const auto recommended = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("list", "Name what there is: teachers, students or losses");
  command->add_option("what", *what, "teachers, students or losses")
      ->required()
      ->check(CLI::IsMember({kLists[0].name, kLists[1].name, kLists[2].name}));
  command->add_flag("--recommended", *recommended,
                    "of teachers: a short list of names on the hub, by size and licence");
  command->callback([what, recommended, session] {
    if (!*recommended) {
      std::ranges::find(kLists, *what, &List::name)->print(session.out);
      return;
    }
    if (*what != kLists[0].name)
      throw UsageError("is of teachers alone", "--recommended",
                       "retort list teachers --recommended");
    session.out << run::text_of_recommended();
  });
}

}  // namespace retort::cli
