#pragma once

#include <cstddef>
#include <cstdint>

// The part of stable-diffusion.cpp's C interface that retort uses, as include/stable-diffusion.h
// has it in the pinned version of the Python package (scripts/requirements/generate.txt). Structs
// are passed by address and change between versions: stable_diffusion.cpp checks that a library
// agrees with these before it uses them. Names are ours; order and types are the library's. Enums
// are its ints.
namespace retort::generate::sd {

constexpr const char* kPackage = "stable-diffusion-cpp-python 0.4.7";

struct ContextParams {
  const char* model;
  const char* clip_l;
  const char* clip_g;
  const char* clip_vision;
  const char* t5xxl;
  const char* llm;
  const char* llm_vision;
  const char* diffusion_model;
  const char* high_noise_diffusion_model;
  const char* vae;
  const char* taesd;
  const char* control_net;
  const void* embeddings;
  uint32_t embedding_count;
  const char* photo_maker;
  const char* tensor_type_rules;
  bool vae_decode_only;
  bool free_params_immediately;
  int threads;
  int weight_type;
  int rng;
  int sampler_rng;
  int prediction;
  int lora_apply_mode;
  bool offload_params_to_cpu;
  bool mmap;
  bool keep_clip_on_cpu;
  bool keep_control_net_on_cpu;
  bool keep_vae_on_cpu;
  bool flash_attention;
  bool diffusion_flash_attention;
  bool tae_preview_only;
  bool diffusion_conv_direct;
  bool vae_conv_direct;
  bool circular_x;
  bool circular_y;
  bool force_sdxl_vae_conv_scale;
  bool chroma_use_dit_mask;
  bool chroma_use_t5_mask;
  int chroma_t5_mask_pad;
  bool qwen_image_zero_cond_t;
  float max_vram;
};

struct Image {
  uint32_t width;
  uint32_t height;
  uint32_t channels;
  uint8_t* data;
};

struct SampleParams {
  float guidance;
  float image_guidance;
  float distilled_guidance;
  struct {
    int* layers;
    size_t layer_count;
    float start, end, scale;
  } skip_layers;
  int scheduler;
  int sampler;
  int steps;
  float eta;
  int shifted_timestep;
  float* custom_sigmas;
  int custom_sigma_count;
  float flow_shift;
};

struct Tiling {
  bool enabled;
  int tile_x, tile_y;
  float overlap, relative_x, relative_y;
};

struct Cache {
  int mode;
  float reuse_threshold, start, end, error_decay;
  bool relative_threshold, reset_error;
  int fn_blocks, bn_blocks;
  float residual_threshold;
  int max_warmup, max_cached, max_continuous, taylorseer_derivatives, taylorseer_interval;
  const char* scm_mask;
  bool scm_dynamic;
  float spectrum_w;
  int spectrum_m;
  float spectrum_lambda;
  int spectrum_window;
  float spectrum_flex;
  int spectrum_warmup;
  float spectrum_stop;
};

struct HighResolution {
  bool enabled;
  int upscaler;
  const char* model;
  float scale;
  int width, height, steps;
  float strength;
  int tile;
};

struct ImageParams {
  const void* loras;
  uint32_t lora_count;
  const char* prompt;
  const char* negative_prompt;
  int clip_skip;
  Image init_image;
  Image* reference_images;
  int reference_count;
  bool resize_references;
  bool increase_reference_index;
  Image mask;
  int width, height;
  SampleParams sample;
  float strength;
  int64_t seed;
  int count;
  Image control_image;
  float control_strength;
  struct {
    Image* images;
    int count;
    const char* embedding;
    float strength;
  } photo_maker;
  Tiling vae_tiling;
  Cache cache;
  HighResolution high_resolution;
};

static_assert(sizeof(ContextParams) == 184 && sizeof(SampleParams) == 88 &&
                  sizeof(ImageParams) == 448,
              "the library's, where pointers have 64 bits");

struct Context;
enum LogLevel : int { debug, info, warning, error };

// The functions by the names under which the library exports them.
struct Functions {
  void (*sd_set_log_callback)(void (*)(LogLevel level, const char* text, void* data), void* data);
  void (*sd_set_progress_callback)(void (*)(int step, int steps, float seconds, void* data),
                                   void* data);
  int (*str_to_sd_type)(const char* name);
  int (*str_to_sample_method)(const char* name);
  const char* (*sd_sample_method_name)(int sampler);
  int (*str_to_scheduler)(const char* name);
  const char* (*sd_scheduler_name)(int scheduler);
  void (*sd_ctx_params_init)(ContextParams* params);
  char* (*sd_ctx_params_to_str)(const ContextParams* params);  // to be freed
  void (*sd_img_gen_params_init)(ImageParams* params);
  char* (*sd_img_gen_params_to_str)(const ImageParams* params);  // to be freed
  Context* (*new_sd_ctx)(const ContextParams* params);           // null: failed, the log says why
  bool (*sd_ctx_supports_image_generation)(const Context* context);
  void (*free_sd_ctx)(Context* context);
  Image* (*generate_image)(
      Context* context, const ImageParams* params);  // array and pixels to be freed; null: failed
};

}  // namespace retort::generate::sd
