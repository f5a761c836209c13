// Exports the functions that retort looks for in stable-diffusion.cpp, with a longer first struct,
// as in another version.
#include <cstring>

extern "C" {

void sd_set_log_callback() {}
void sd_set_progress_callback() {}
void str_to_sd_type() {}
void str_to_sample_method() {}
void sd_sample_method_name() {}
void str_to_scheduler() {}
void sd_scheduler_name() {}
void sd_ctx_params_init(void* params) { std::memset(params, 0, 184 + 8); }
void sd_ctx_params_to_str() {}
void sd_img_gen_params_init() {}
void sd_img_gen_params_to_str() {}
void new_sd_ctx() {}
void sd_ctx_supports_image_generation() {}
void free_sd_ctx() {}
void generate_image() {}
}
