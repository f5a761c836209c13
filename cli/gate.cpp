#include "retort/run/gate.h"

#include <memory>

#include "cli/command.h"
#include "cli/run_options.h"
#include "retort/data/extra.h"

namespace retort::cli {

namespace {

void add_teacher_options(CLI::App& command, run::RunConfig& base) {
  command.add_option("--teacher", base.teacher, "weight file, a model's folder, or hf:ORG/NAME")
      ->required()
      ->expected(1);
  command.add_option("--teacher-features", base.teacher_features,
                     "of a ViT: cls, cls+mean, mean, or attention; empty: its authors' own");
  command.add_option("--teacher-arch", base.teacher_arch,
                     "architecture of the weight file, where its tensor names do not tell");
  command
      .add_option("--teacher-size", base.teacher_size,
                  "the teacher's resolution in pixels; 0: its own")
      ->check(CLI::Range(0, 1024));
  add_choice(command, "teacher-head", base.teacher_head,
             "probe: fit a linear head on the real images; keep: the file's own");
}

void add_rule_options(CLI::App& command, run::GateConfig& config) {
  command
      .add_option("--top", config.top, "the teacher must have the class among its first so many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command
      .add_option("--unsure", config.unsure,
                  "and be surer of it than it is of this share of the real validation images")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.99));
  command
      .add_option("--duplicate", config.duplicate,
                  "of images more alike than this share of real nearest neighbours, one is kept; "
                  "1: all are")
      ->capture_default_str()
      ->check(CLI::Range(0.5, 1.0));
}

}  // namespace

void add_gate(CLI::App& app, const Session& session) {
  const auto config = std::make_shared<run::GateConfig>();
  CLI::App* command = app.add_subcommand(
      "gate", "Set generated images aside that a teacher does not take for their class");
  run::RunConfig& base = config->base;
  command
      ->add_option("--images", config->images,
                   "folder of generated images, one folder a class (what `retort generate` wrote)")
      ->required();
  command
      ->add_option("--data", base.data,
                   "the real images: folder or CSV manifest, as for `retort distill`")
      ->required();
  add_teacher_options(*command, base);
  add_rule_options(*command, *config);
  command
      ->add_option("--val-fraction", base.val_fraction,
                   "of train, carved for validation where none is given")
      ->capture_default_str();
  command->add_option("--threads", base.threads, "processor threads; 0: all cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  command->add_option("--cache", base.cache, "folder for decoded images and features")
      ->default_str("$RETORT_CACHE or ~/.cache/retort");
  command->add_option("--out", base.out, "folder for gate.html and gate.json")->required();
  command->footer(
      "Nothing is deleted: what is set aside is listed in rejected.csv beside the images, and "
      "`--extra` leaves it out. Remove that file "
      "to\n"
      "take everything back in.\n"
      "Example: retort gate --images synth/ --data photos/ --teacher efficientnet_lite2.pth --out "
      "runs/gate");
  command->callback([config, session] {
    config->base.objects = session.objects;
    const nlohmann::json counts = run::gate(*config, session.log, session.stop());
    session.out << "kept " << counts["kept"] << "; set aside " << counts["other_class"]
                << " of another class, " << counts["unsure"] << " unsure, " << counts["duplicate"]
                << " duplicates\n"
                << "list: " << (data::extra_root(config->images) / data::kRejectedFile).string()
                << "\npage: " << (std::filesystem::path(config->base.out) / "gate.html").string()
                << '\n';
  });
}

}  // namespace retort::cli
