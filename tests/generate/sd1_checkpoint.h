#pragma once

#include <filesystem>

namespace retort::testing {

// A whole Stable Diffusion 1.x checkpoint in diffusers' names (`unet.`, `vae.`, `te.`), every
// tensor in its true shape, fp16: 2.1 GB. Weights and embeddings are slices of one drawn normal(0,
// 0.02), biases 0, norms 1: it makes coloured noise.
void write_sd1_checkpoint(const std::filesystem::path& path);

}  // namespace retort::testing
