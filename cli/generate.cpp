#include "retort/generate/generate.h"

#include <charconv>
#include <memory>

#include "cli/command.h"
#include "cli/run_options.h"
#include "retort/core/error.h"
#include "retort/core/file.h"

namespace retort::cli {
namespace {

struct GenerateArguments {
  generate::GenerateConfig config;
  std::string size = "512";
  std::vector<CLI::Option*> diffusion;  // options of stable-diffusion.cpp alone
};

// Reads "512" or "768x512".
void set_size(const std::string& text, generate::DiffusionOptions& options) {
  constexpr int64_t kLeast = 64, kMost = 8192;
  const size_t cross = text.find('x');
  const auto side = [&](const std::string& part) {
    int64_t pixels = 0;
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), pixels);
    if (error != std::errc() || stop != part.data() + part.size() || pixels < kLeast ||
        pixels > kMost)
      throw UsageError("'" + text + "' is no size", "--size",
                       "give pixels in [64, 8192], as 512 or 768x512 (width x height)");
    return pixels;
  };
  options.width = side(text.substr(0, cross));
  options.height = cross == std::string::npos ? options.width : side(text.substr(cross + 1));
}

void add_set_options(CLI::App& command, GenerateArguments& arguments) {
  generate::GenerateConfig& config = arguments.config;
  const char* const group = "The images";
  command
      .add_option("--classes", config.prompts.classes,
                  "text file with one class a line (LABEL, or LABEL: what prompts call it), or a "
                  "data set whose classes to take")
      ->required()
      ->group(group);
  command
      .add_option("--prompt", config.prompts.prompts,
                  "with {class} in it, or a preset: inside, picture, texture; may be given again, "
                  "and they take turns (default: " +
                      std::string(generate::kDefaultPrompt) + ")")
      ->group(group);
  command
      .add_option("--prompt-file", config.prompts.file,
                  "CSV file class,prompt with prompts of single classes")
      ->group(group);
  command.add_option("--negative-prompt", config.set.negative_prompt, "what is not to be on them")
      ->group(group);
  command.add_option("--per-class", config.set.per_class, "images of each class")
      ->group(group)
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{100'000}));
  command.add_option("--seed", config.set.seed, "each image's own seed is derived from it")
      ->group(group)
      ->capture_default_str();
  add_choice(command, "format", config.set.format, "png or jpeg")->group(group);
  command
      .add_option("--out", config.set.out,
                  "folder for the images, one folder a class, and manifest.csv")
      ->required()
      ->group(group);
}

// Adds options that belong to the diffusion engine, under one heading.
class DiffusionGroup {
 public:
  DiffusionGroup(CLI::App& command, GenerateArguments& arguments, const char* name)
      : command_(command), arguments_(arguments), name_(name) {}

  template <typename Field>
  CLI::Option* option(const char* name, Field& field, const char* help) {
    return added(command_.add_option(name, field, help));
  }
  CLI::Option* flag(const char* name, bool& field, const char* help) {
    return added(command_.add_flag(name, field, help));
  }

 private:
  CLI::Option* added(CLI::Option* option) {
    arguments_.diffusion.push_back(option);
    return option->group(name_);
  }

  CLI::App& command_;
  GenerateArguments& arguments_;
  const char* name_;
};

void add_weight_files(CLI::App& command, GenerateArguments& arguments) {
  DiffusionGroup group(command, arguments, "Weight files");
  const auto file = [&](const char* name, const char* key, const char* help) {
    group.option(name, arguments.config.diffusion.files[key], help);
  };
  file("--model", "model", "checkpoint (.safetensors, .gguf, .ckpt) or diffusers folder");
  file("--diffusion-model", "diffusion_model",
       "the denoiser alone (SD3, Flux, …), with the text encoders and --vae beside it");
  file("--vae", "vae", "another or a separate VAE");
  file("--taesd", "taesd", "tiny autoencoder to decode with: quicker, coarser");
  file("--clip-l", "clip_l", "text encoder");
  file("--clip-g", "clip_g", "text encoder");
  file("--t5xxl", "t5xxl", "text encoder");
  file("--llm", "llm", "text encoder of models that take a language model");
}

void add_sampling_options(CLI::App& command, GenerateArguments& arguments) {
  generate::DiffusionOptions& options = arguments.config.diffusion;
  DiffusionGroup group(command, arguments, "Sampling");
  group.option("--size", arguments.size, "pixels: 512, or 768x512 (width x height)")
      ->capture_default_str();
  group.option("--steps", options.steps, "sampling steps")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1000}));
  group
      .option("--guidance", options.guidance,
              "classifier-free guidance; 1 for distilled models (turbo, LCM, Flux)")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
  group.option("--distilled-guidance", options.distilled_guidance, "what Flux is told")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 100.0));
  group
      .option("--sampler", options.sampler,
              "euler, euler_a, heun, dpm2, dpm++2m, lcm, ddim_trailing, …")
      ->capture_default_str();
  group.option("--scheduler", options.scheduler,
               "discrete, karras, exponential, sgm_uniform, … (default: the sampler's)");
}

void add_machine_options(CLI::App& command, GenerateArguments& arguments) {
  generate::DiffusionOptions& options = arguments.config.diffusion;
  DiffusionGroup group(command, arguments, "The machine");
  group.option("--weight-type", options.weight_type,
               "convert weights as they are loaded: f16, q8_0, q5_0, q4_0, …");
  group.flag("--flash-attention", options.flash_attention, "less memory; quicker on some devices");
  group.flag("--vae-tiling", options.vae_tiling, "decode in tiles: less memory");
  group.flag("--offload", options.offload, "keep weights in main memory until the GPU needs them");
  group.option("--threads", options.threads, "threads; 0: one for each physical core")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, int64_t{1024}));
  group.option("--engine-library", options.library,
               "libstable-diffusion.so (default: $RETORT_DIFFUSION_LIBRARY, else .venv's)");
  group.option("--cache", options.cache, "folder that keeps the weight files' hashes")
      ->default_str("$RETORT_CACHE or ~/.cache/retort");
}

}  // namespace

void add_generate(CLI::App& app, const Session& session) {
  const auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command =
      app.add_subcommand("generate", "Make training images with a generative model");
  add_set_options(*command, *arguments);
  command
      ->add_option("--engine", arguments->config.command,
                   "command to run for each image, with {prompt}, {negative_prompt}, {class}, "
                   "{seed} and {out} in it (default: "
                   "stable-diffusion.cpp, to which the options below belong)")
      ->group("The images");
  add_weight_files(*command, *arguments);
  add_sampling_options(*command, *arguments);
  add_machine_options(*command, *arguments);
  command->footer(
      "The same command again makes only what is missing: stop it when you like.\n"
      "Example: retort generate --classes photos/ --model sd15.safetensors --prompt \"a photo of a "
      "{class}\" --per-class 80 --out synth/");
  command->callback([arguments, session] {
    generate::GenerateConfig& config = arguments->config;
    for (const CLI::Option* option : arguments->diffusion) {
      if (!config.command.empty() && option->count() > 0)
        throw UsageError("does not go with --engine", option->get_name(),
                         "write what the tool needs into its command");
    }
    set_size(arguments->size, config.diffusion);
    if (config.diffusion.cache.empty()) config.diffusion.cache = default_cache_dir();
    const generate::GenerateResult result = generate::generate(config, session.log, session.stop());
    session.out << result.planned << " images (" << result.made
                << " new): " << result.manifest.string() << '\n';
  });
}

}  // namespace retort::cli
