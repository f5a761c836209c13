#include "retort/generate/stable_diffusion.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace retort::generate::sd {
namespace {

[[noreturn]] void other_version(const std::string& why) {
  throw std::runtime_error("is not the library of " + std::string(kPackage) + ": " + why);
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  void* address = ::dlsym(library, name);
  if (address == nullptr) other_version(std::string("it has no function ") + name);
  function = reinterpret_cast<Function>(address);
}

constexpr unsigned char kUntouched = 0xA5;

// Bytes after the struct that the library changes show that its own struct is longer; last bytes of
// the struct that it does not change show that its own is shorter.
template <typename Params>
struct Guarded {
  Params params;
  unsigned char behind[512];
};

template <typename Params>
Guarded<Params> initialised(void (*init)(Params*), const char* name) {
  Guarded<Params> guarded;
  std::memset(static_cast<void*>(&guarded), kUntouched, sizeof guarded);
  init(&guarded.params);
  constexpr size_t kLast = sizeof(int);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&guarded);
  const auto untouched = [](unsigned char byte) { return byte == kUntouched; };
  if (std::all_of(bytes + sizeof(Params) - kLast, bytes + sizeof(Params), untouched) ||
      !std::all_of(bytes + sizeof(Params), bytes + sizeof guarded, untouched))
    other_version(std::string("its ") + name + " is of another size");
  return guarded;
}

void expect(char* text, const std::vector<std::string>& lines) {
  const std::string shown = text == nullptr ? "" : text;
  std::free(text);
  for (const std::string& line : lines) {
    if (shown.find(line) == std::string::npos)
      other_version("it does not read back '" + line.substr(0, line.find('\n')) + "'");
  }
}

void check_context(const Functions& functions) {
  ContextParams params = initialised(functions.sd_ctx_params_init, "sd_ctx_params_t").params;
  if (!params.vae_decode_only || !params.free_params_immediately || params.model != nullptr ||
      params.max_vram != 0)
    other_version("its sd_ctx_params_t begins with other values");
  params.model = "M";
  params.clip_l = "L";
  params.clip_g = "G";
  params.t5xxl = "T";
  params.llm = "Q";
  params.diffusion_model = "D";
  params.vae = "V";
  params.taesd = "S";
  params.vae_decode_only = false;
  params.free_params_immediately = false;
  params.threads = 12345;
  params.weight_type = functions.str_to_sd_type("f16");
  params.offload_params_to_cpu = true;
  params.max_vram = 2.5F;
  params.diffusion_flash_attention = true;
  params.chroma_t5_mask_pad = 321;
  expect(functions.sd_ctx_params_to_str(&params),
         {"model_path: M\n", "clip_l_path: L\n", "clip_g_path: G\n", "t5xxl_path: T\n",
          "llm_path: Q\n", "diffusion_model_path: D\n", "vae_path: V\n", "taesd_path: S\n",
          "vae_decode_only: false\n", "free_params_immediately: false\n", "n_threads: 12345\n",
          "wtype: f16\n", "offload_params_to_cpu: true\n", "max_vram: 2.500\n",
          "keep_clip_on_cpu: false\n", "\nflash_attn: false\n", "diffusion_flash_attn: true\n",
          "chroma_t5_mask_pad: 321\n"});
}

void check_image(const Functions& functions) {
  ImageParams params = initialised(functions.sd_img_gen_params_init, "sd_img_gen_params_t").params;
  params.prompt = "P";
  params.negative_prompt = "N";
  params.width = 1234;
  params.height = 4321;
  params.sample.guidance = 1.25F;
  params.sample.distilled_guidance = 2.25F;
  params.sample.sampler = functions.str_to_sample_method("heun");
  params.sample.scheduler = functions.str_to_scheduler("karras");
  params.sample.steps = 77;
  params.seed = 123456789;
  params.vae_tiling.enabled = true;
  params.high_resolution.steps = 55;
  expect(functions.sd_img_gen_params_to_str(&params),
         {"prompt: P\n", "negative_prompt: N\n", "width: 1234\n", "height: 4321\n",
          "txt_cfg: 1.25,", "distilled_guidance: 2.25,", "scheduler: karras,",
          "sample_method: heun,", "sample_steps: 77,", "\nseed: 123456789\n", "batch_count: 1\n",
          "VAE tiling: true\n", "steps=55,", "end=0.95)"});
}

}  // namespace

Functions load(const std::string& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(std::string("does not load: ") + ::dlerror());
  Functions functions{};
  find(library, "sd_set_log_callback", functions.sd_set_log_callback);
  find(library, "sd_set_progress_callback", functions.sd_set_progress_callback);
  find(library, "str_to_sd_type", functions.str_to_sd_type);
  find(library, "str_to_sample_method", functions.str_to_sample_method);
  find(library, "sd_sample_method_name", functions.sd_sample_method_name);
  find(library, "str_to_scheduler", functions.str_to_scheduler);
  find(library, "sd_scheduler_name", functions.sd_scheduler_name);
  find(library, "sd_ctx_params_init", functions.sd_ctx_params_init);
  find(library, "sd_ctx_params_to_str", functions.sd_ctx_params_to_str);
  find(library, "sd_img_gen_params_init", functions.sd_img_gen_params_init);
  find(library, "sd_img_gen_params_to_str", functions.sd_img_gen_params_to_str);
  find(library, "new_sd_ctx", functions.new_sd_ctx);
  find(library, "sd_ctx_supports_image_generation", functions.sd_ctx_supports_image_generation);
  find(library, "free_sd_ctx", functions.free_sd_ctx);
  find(library, "generate_image", functions.generate_image);
  check_context(functions);
  check_image(functions);
  return functions;
}

}  // namespace retort::generate::sd
