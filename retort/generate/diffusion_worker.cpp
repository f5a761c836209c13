// retort-diffusion: runs stable-diffusion.cpp for retort, which starts it. It is not for users: it
// speaks Channel's protocol.
//
// 1. retort sends {"library", "files", "threads", …}. This answers {"kind": "ready"} once the model
//    is loaded.
// 2. For each image, retort sends {"prompt", "seed", …}. This answers {"kind": "image", "width",
//    "height"}, and the pixels after it.
// In between it sends {"kind": "step"} and {"kind": "warning"}. {"kind": "error", "of", "text"} is
// its last message.
//
// This is a process of its own because the library calls abort(), from its own threads, on some
// model files and combinations of files. No check could foresee every case, and retort must survive
// them.

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "retort/generate/channel.h"
#include "retort/generate/stable_diffusion.h"

namespace retort::generate {
namespace {

using nlohmann::json;

// `of` is what the error is about: the library, the options, or the model.
struct Failure : std::runtime_error {
  Failure(std::string about, const std::string& text)
      : std::runtime_error(text), of(std::move(about)) {}
  std::string of;
};

struct Freed {
  void operator()(sd::Image* images) const {
    std::free(images->data);
    std::free(images);
  }
};

class Worker {
 public:
  explicit Worker(Channel& channel) : channel_(channel) {}

  void run() {
    const std::optional<json> setup = channel_.receive();
    if (!setup) return;
    load_library(setup->at("library"));
    functions_.sd_set_log_callback(on_log, this);
    functions_.sd_set_progress_callback(on_step, this);
    load_model(*setup);
    channel_.send({{"kind", "ready"}});
    while (const std::optional<json> request = channel_.receive()) make(*request);
  }

 private:
  void load_library(const std::string& file) {
    try {
      functions_ = sd::load(file);
    } catch (const std::runtime_error& error) {
      throw Failure("library", error.what());
    }
  }

  // The library calls this from any thread. Lines start with "file.cpp:123 - ".
  static void on_log(sd::LogLevel level, const char* text, void* data) {
    if (level < sd::LogLevel::warning) return;
    std::string line = text;
    const size_t start = line.find(" - ");
    if (start != std::string::npos) line.erase(0, start + 3);
    line.erase(line.find_last_not_of(" \n") + 1);
    static_cast<Worker*>(data)->note(level, line);
  }

  static void on_step(int step, int steps, float, void* data) {
    const std::lock_guard lock(static_cast<Worker*>(data)->mutex_);
    static_cast<Worker*>(data)->channel_.send({{"kind", "step"}, {"done", step}, {"total", steps}});
  }

  // While a model loads, messages are kept for fail(). For a file that it cannot read ("loading vae
  // from … failed") the library only warns, and goes on without it; for optional parts of a
  // diffusers folder ("failed to open …") it logs an error.
  void note(sd::LogLevel level, const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (!loading_ && level == sd::LogLevel::warning) return warn(line);
    failed_ |= line.find(" failed") != std::string::npos;
    complaints_.push_back(line);
    if (level == sd::LogLevel::warning) warnings_.push_back(line);
  }

  void warn(const std::string& line) { channel_.send({{"kind", "warning"}, {"text", line}}); }

  // Throws Failure with the first two messages, which say what is wrong, and with what.
  [[noreturn]] void fail(const std::string& otherwise) const {
    constexpr size_t kTold = 2;
    if (complaints_.empty()) throw Failure("model", otherwise);
    std::string text = complaints_[0];
    if (complaints_.size() >= kTold) text += "; " + complaints_[1];
    if (complaints_.size() > kTold)
      text += " (and " + std::to_string(complaints_.size() - kTold) + " more)";
    throw Failure("model", text);
  }

  void load_model(const json& setup) {
    sd::ContextParams params{};
    functions_.sd_ctx_params_init(&params);
    const json& files = setup.at("files");
    const auto file = [&](const char* name) {
      return files.contains(name) ? files.at(name).get_ref<const std::string&>().c_str() : nullptr;
    };
    params.model = file("model");
    params.diffusion_model = file("diffusion_model");
    params.vae = file("vae");
    params.taesd = file("taesd");
    params.clip_l = file("clip_l");
    params.clip_g = file("clip_g");
    params.t5xxl = file("t5xxl");
    params.llm = file("llm");
    params.free_params_immediately = false;  // they are needed for the next image
    if (const int threads = setup.at("threads"); threads > 0) params.threads = threads;
    if (const std::string type = setup.at("weight_type"); !type.empty())
      params.weight_type = known_type(type, params.weight_type);
    params.diffusion_flash_attention = setup.at("flash_attention");
    params.offload_params_to_cpu = setup.at("offload");
    vae_tiling_ = setup.at("vae_tiling");
    sampler_ = named(setup.at("sampler"), "sampler", functions_.str_to_sample_method,
                     functions_.sd_sample_method_name);
    scheduler_ = named(setup.at("scheduler"), "scheduler", functions_.str_to_scheduler,
                       functions_.sd_scheduler_name);
    context_ = functions_.new_sd_ctx(&params);
    if (context_ == nullptr || failed_)
      fail("the model does not load, and the library does not say why");
    if (!functions_.sd_ctx_supports_image_generation(context_))
      throw Failure("model", "is a model for videos, not for images");
    loading_ = false;
    for (const std::string& line : warnings_) warn(line);
  }

  int known_type(const std::string& name, int none) const {
    const int type = functions_.str_to_sd_type(name.c_str());
    if (type == none)
      throw Failure("options", "the library has no weight type '" + name +
                                   "'; some of its own are f16, q8_0, q5_0, q4_0");
    return type;
  }

  // For an unknown name the library returns the number of its names, which also means its default.
  // An empty name asks for the default.
  static int named(const std::string& name, const std::string& what, int (*number_of)(const char*),
                   const char* (*name_of)(int)) {
    const int number = number_of(name.c_str()), count = number_of("");
    if (name.empty() || number != count) return number;
    std::string all;
    for (int i = 0; i < count; ++i) all += (i == 0 ? "" : ", ") + std::string(name_of(i));
    throw Failure("options", "the library has no " + what + " '" + name + "'; it has " + all);
  }

  void make(const json& request) {
    complaints_.clear();
    sd::ImageParams params{};
    functions_.sd_img_gen_params_init(&params);
    params.prompt = request.at("prompt").get_ref<const std::string&>().c_str();
    params.negative_prompt = request.at("negative_prompt").get_ref<const std::string&>().c_str();
    params.seed = request.at("seed");
    params.width = request.at("width");
    params.height = request.at("height");
    params.sample.steps = request.at("steps");
    params.sample.guidance = request.at("guidance");
    params.sample.distilled_guidance = request.at("distilled_guidance");
    params.sample.sampler = sampler_;
    params.sample.scheduler = scheduler_;
    params.vae_tiling.enabled = vae_tiling_;
    const std::unique_ptr<sd::Image, Freed> image(functions_.generate_image(context_, &params));
    if (image == nullptr || image->data == nullptr || image->channels != 3)
      fail("it made no image");
    const std::lock_guard lock(mutex_);
    channel_.send({{"kind", "image"}, {"width", image->width}, {"height", image->height}});
    channel_.send_bytes(
        {reinterpret_cast<const char*>(image->data), size_t{3} * image->width * image->height});
  }

  Channel& channel_;
  std::mutex mutex_;
  sd::Functions functions_{};
  sd::Context* context_ = nullptr;  // until the process ends
  int sampler_ = 0, scheduler_ = 0;
  bool vae_tiling_ = false, loading_ = true, failed_ = false;
  std::vector<std::string> complaints_, warnings_;
};

}  // namespace
}  // namespace retort::generate

int main() {
  using namespace retort::generate;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);     // ends when retort is killed
  ::setenv("GGML_NO_BACKTRACE", "1", 1);  // a backtrace would start a debugger
  // With threads that spin while they wait, images take three times as long on a machine with other
  // work.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  // The library's standard output goes to standard error, from which retort takes the last lines.
  Channel channel(STDIN_FILENO, ::dup(STDOUT_FILENO));
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  int status = 0;
  try {
    Worker(channel).run();
  } catch (const Failure& failure) {
    channel.send({{"kind", "error"}, {"of", failure.of}, {"text", failure.what()}});
    status = 1;
  } catch (const std::exception& error) {  // the library's own
    channel.send({{"kind", "error"}, {"of", "model"}, {"text", error.what()}});
    status = 1;
  }
  ::_exit(status);  // skips the library's clean-up
}
