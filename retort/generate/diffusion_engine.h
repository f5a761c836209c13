#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "retort/core/log.h"
#include "retort/generate/engine.h"

namespace retort::generate {

// Options of stable-diffusion.cpp, with its meanings.
struct DiffusionOptions {
  std::filesystem::path library;  // empty: the first that library_file() finds
  // Weight files by their role: "model" (a whole checkpoint, or a diffusers folder) or
  // "diffusion_model", with "vae", "taesd", "clip_l", "clip_g", "t5xxl" and "llm" where the model
  // needs them. Empty paths count as not given.
  std::map<std::string, std::filesystem::path> files;
  int64_t width = 512, height = 512;
  int64_t steps = 20;
  double guidance = 7;              // classifier-free guidance; 1: none, for distilled models
  double distilled_guidance = 3.5;  // the guidance that Flux takes as an input
  std::string sampler = "euler";
  std::string scheduler;    // empty: the sampler's
  std::string weight_type;  // empty: the file's
  bool flash_attention = false, vae_tiling = false, offload = false;
  int64_t threads = 0;  // 0: the library's choice, one for each physical core
  std::filesystem::path cache;
};

// An engine that runs stable-diffusion.cpp in a process of its own, retort-diffusion, whose program
// lies beside the running one. Looks for the library and computes the files' hashes. Throws Error
// when the library, the program or a file is missing, UsageError when no model is given, and
// Interrupted when `stop` is set.
std::unique_ptr<Engine> make_diffusion_engine(const DiffusionOptions& options, Log& log,
                                              const StopFlag& stop);

// The library's file: $RETORT_DIFFUSION_LIBRARY, else that of the Python package in $VIRTUAL_ENV or
// in the project's own .venv; empty when there is none. Throws Error when the variable names no
// file.
std::filesystem::path library_file();

}  // namespace retort::generate
