#include "retort/run/compare.h"

#include <memory>

#include "cli/command.h"
#include "cli/run_options.h"

namespace retort::cli {
namespace {

struct CompareArguments {
  run::CompareConfig config;
  bool dry_run = false;
  RunFiles files;
};

void add_comparison_options(CLI::App& command, CompareArguments& arguments) {
  run::CompareConfig& config = arguments.config;
  const char* const group = "The comparison";
  command
      .add_option_function<std::vector<std::string>>(
          "--arm",
          [&config](const std::vector<std::string>& words) {
            config.arms.clear();
            for (const std::string& word : words)
              config.arms.push_back(choice_from<run::ArmKind>(word, "--arm"));
          },
          "scratch, finetune, linear-probe, distill, or finetune-distill (--student-weights and a "
          "teacher); may be given again (default: all that can be but the last)")
      ->group(group);
  command
      .add_option("--teacher", config.teachers,
                  "pre-trained weight file, model's folder or hf:ORG/NAME; TEACHER@PIXELS for the "
                  "resolution that this one sees; A+B for "
                  "two at once; may be given again")
      ->group(group);
  command
      .add_option("--loss", config.losses,
                  "embedding loss (with --logit-loss), logit loss alone, or A+B for both; may be "
                  "given again (default: align_uniform)")
      ->group(group);
  add_choice(command, "budget", config.budget,
             "what the arms have in common. steps: student image-steps; time: the seconds that the "
             "distilled arm takes, its teacher's passes and training; paper: nothing, each arm has "
             "its own best schedule of --epochs and three times as many, and pre-training is "
             "counted")
      ->group(group);
  command.add_option("--seeds", config.seeds, "runs of each arm, from --seed on")
      ->group(group)
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1000}));
  command
      .add_option("--finetune-lr", config.finetune_lr,
                  "peak learning rate of `finetune` and `finetune-distill`")
      ->group(group)
      ->capture_default_str()
      ->check(CLI::Range(1e-8, 10.0));
  command
      .add_flag("--dry-run", arguments.dry_run,
                "say what each arm would take, measured on this machine in seconds, and stop")
      ->group(group)
      ->configurable(false);
}

}  // namespace

void add_compare(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command =
      app.add_subcommand("compare", "Set ways to train one student side by side, over seeds");
  add_run_options(*command, arguments->config.base, arguments->files, {"teacher", "loss"});
  add_comparison_options(*command, *arguments);
  command->footer(
      "Writes compare.md, compare.html and compare.json into --out, and each run into a folder of "
      "its own there. The same command again "
      "runs\n"
      "only what is missing: stop it when you like. Each --extra makes arms beside those without "
      "it, in as many image-steps.\n"
      "Example: retort compare --data photos/ --student mobilenet_v2 --student-weights "
      "mobilenet_v2.pth --teacher efficientnet_lite2.pth\n"
      "             --loss align_uniform --loss crd --loss kd --seeds 3 --out runs/compare");
  command->callback([arguments, command, session] {
    read_run_files(*command, arguments->files);
    arguments->config.base.objects = session.objects;
    if (arguments->dry_run) {
      session.out << run::expected(arguments->config, session.log, session.stop()) << '\n';
      return;
    }
    session.out << report::render_text(run::compare(arguments->config, session.log, session.stop()))
                << "\nreport: "
                << (std::filesystem::path(arguments->config.base.out) / "compare.html").string()
                << '\n';
  });
}

}  // namespace retort::cli
