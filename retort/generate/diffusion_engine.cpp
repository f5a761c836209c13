#include "retort/generate/diffusion_engine.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "retort/core/error.h"
#include "retort/generate/channel.h"
#include "retort/generate/child.h"
#include "retort/generate/model_hash.h"
#include "retort/generate/stable_diffusion_api.h"

namespace retort::generate {
namespace fs = std::filesystem;
namespace {

constexpr int kLookForStop = 200;  // milliseconds
constexpr const char* kVariable = "RETORT_DIFFUSION_LIBRARY";

// The library in a Python environment's lib/python3.N, for any N; empty where there is none.
fs::path library_in(const fs::path& environment) {
  std::error_code error;
  for (fs::directory_iterator it(environment / "lib", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    fs::path file =
        it->path() / "site-packages" / "stable_diffusion_cpp" / "lib" / "libstable-diffusion.so";
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file;
  }
  return {};
}

fs::path checked_library(const fs::path& asked) {
  const fs::path file = asked.empty() ? library_file() : asked;
  std::error_code ignored;
  if (!file.empty() && fs::is_regular_file(file, ignored)) return fs::absolute(file);
  throw Error(file.empty() ? "stable-diffusion.cpp, which makes the images, is not installed"
                           : "there is no such file",
              file.empty() ? "" : file.string(),
              "scripts/install.sh generate installs it in the project's .venv; or name its "
              "libstable-diffusion.so with --engine-library or $" +
                  std::string(kVariable) + ", or another generator with --engine");
}

fs::path worker_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  fs::path program = self.parent_path() / "retort-diffusion";
  Dl_info library{};  // the file with this code: the program, or Python's module
  if (!fs::exists(program, error) &&
      dladdr(reinterpret_cast<void*>(&worker_program), &library) != 0)
    program = fs::path(library.dli_fname).parent_path() / "retort-diffusion";
  if (!fs::exists(program, error))
    throw Error("is missing", program.string(), "it belongs beside retort: build and install both");
  return program;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

class DiffusionEngine : public Engine {
 public:
  DiffusionEngine(const DiffusionOptions& options, Log& log, const StopFlag& stop)
      : options_(options), library_(checked_library(options.library)), program_(worker_program()) {
    std::erase_if(options_.files, [](const auto& file) { return file.second.empty(); });
    if (!options_.files.contains("model") && !options_.files.contains("diffusion_model"))
      throw UsageError("is needed", "--model",
                       "name a checkpoint (.safetensors, .gguf, .ckpt) or a diffusers folder, or "
                       "--diffusion-model");
    settings_ = {{"engine", sd::kPackage}};
    for (auto& [name, file] : options_.files)
      settings_.emplace_back(name + "_hash", model_hash(file, options_.cache, log, stop));
    settings_.emplace_back("size",
                           std::to_string(options_.width) + "x" + std::to_string(options_.height));
    settings_.emplace_back("steps", std::to_string(options_.steps));
    settings_.emplace_back("guidance", number(options_.guidance));
    settings_.emplace_back("distilled_guidance", number(options_.distilled_guidance));
    settings_.emplace_back("sampler", options_.sampler);
    if (!options_.scheduler.empty()) settings_.emplace_back("scheduler", options_.scheduler);
    if (!options_.weight_type.empty()) settings_.emplace_back("weight_type", options_.weight_type);
    if (options_.flash_attention) settings_.emplace_back("flash_attention", "yes");
    if (options_.vae_tiling) settings_.emplace_back("vae_tiling", "yes");
  }

  Settings settings() const override { return settings_; }

  void start(Log& log, const StopFlag& stop) override {
    log_ = &log;
    log.info("loading " + model().filename().string());
    child_ = std::make_unique<Child>(std::vector<std::string>{program_.string()}, Child::Talk::yes);
    channel_ = std::make_unique<Channel>(child_->socket(), child_->socket());
    nlohmann::json files = nlohmann::json::object();
    for (const auto& [name, file] : options_.files) files[name] = fs::absolute(file).string();
    channel_->send({{"library", library_.string()},
                    {"files", files},
                    {"threads", options_.threads},
                    {"sampler", options_.sampler},
                    {"scheduler", options_.scheduler},
                    {"weight_type", options_.weight_type},
                    {"flash_attention", options_.flash_attention},
                    {"vae_tiling", options_.vae_tiling},
                    {"offload", options_.offload}});
    const Stopwatch watch;
    static_cast<void>(answer(
        "ready", [](int64_t, int64_t) {}, &stop));
    log.info("loaded in " + number(std::round(watch.seconds())) + " s");
  }

  data::Image make(const Request& request, const OnStep& on_step) override {
    channel_->send({{"prompt", request.prompt},
                    {"negative_prompt", request.negative_prompt},
                    {"seed", request.seed},
                    {"width", options_.width},
                    {"height", options_.height},
                    {"steps", options_.steps},
                    {"guidance", options_.guidance},
                    {"distilled_guidance", options_.distilled_guidance}});
    const nlohmann::json answered = answer("image", on_step, nullptr);
    data::Image image{answered.at("width"), answered.at("height"), {}};
    std::optional<std::vector<uint8_t>> pixels =
        channel_->receive_bytes(static_cast<size_t>(3 * image.width * image.height));
    if (!pixels) ended();
    image.rgb = std::move(*pixels);
    return image;
  }

 private:
  const fs::path& model() const {
    return options_.files.contains("model") ? options_.files.at("model")
                                            : options_.files.at("diffusion_model");
  }

  // The next message of this kind. Handles steps, warnings and errors that come before it.
  nlohmann::json answer(const std::string& wanted, const OnStep& on_step, const StopFlag* stop) {
    while (true) {
      while (stop != nullptr && !channel_->wait(kLookForStop)) {
        if (stop->load()) throw Interrupted("stopped while loading the model");
      }
      const std::optional<nlohmann::json> message = channel_->receive();
      if (!message) ended();
      const std::string kind = message->at("kind");
      if (kind == wanted) return *message;
      if (kind == "error") fail(message->at("of"), message->at("text"));
      if (kind == "step") on_step(message->at("done"), message->at("total"));
      if (kind == "warning") warn(message->at("text"));
    }
  }

  [[noreturn]] void fail(const std::string& of, const std::string& text) const {
    if (of == "library")
      throw Error(text, library_.string(),
                  "scripts/install.sh generate installs the one that retort was made for");
    if (of == "options") throw UsageError(text);
    throw Error("stable-diffusion.cpp: " + text, model().string(), kMend);
  }

  void warn(const std::string& text) {
    if (std::ranges::find(warned_, text) != warned_.end()) return;
    warned_.push_back(text);
    log_->warn("stable-diffusion.cpp: " + text);
  }

  [[noreturn]] void ended() {
    const std::string how = child_->wait(), printed = child_->last_words();
    throw Error("stable-diffusion.cpp " + (how.empty() ? "ended early" : how) +
                    (printed.empty() ? "" : "; it printed last: " + printed),
                model().string(), kMend);
  }

  static constexpr const char* kMend =
      "check that the file is whole and of a kind that the library reads, that --vae and the text "
      "encoders belong to it, and that memory "
      "suffices";

  DiffusionOptions options_;
  fs::path library_, program_;
  Settings settings_;
  Log* log_ = nullptr;
  std::unique_ptr<Child> child_;
  std::unique_ptr<Channel> channel_;
  std::vector<std::string> warned_;
};

}  // namespace

std::unique_ptr<Engine> make_diffusion_engine(const DiffusionOptions& options, Log& log,
                                              const StopFlag& stop) {
  return std::make_unique<DiffusionEngine>(options, log, stop);
}

fs::path library_file() {
  if (const char* named = std::getenv(kVariable); named != nullptr && *named != '\0') {
    std::error_code ignored;
    if (!fs::is_regular_file(named, ignored))
      throw Error(std::string("$") + kVariable + " names no file", named);
    return named;
  }
  const char* active = std::getenv("VIRTUAL_ENV");
  fs::path file = active == nullptr ? fs::path() : library_in(active);
  return file.empty() ? library_in(RETORT_VENV) : file;
}

}  // namespace retort::generate
