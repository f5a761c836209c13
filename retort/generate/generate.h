#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retort/core/log.h"
#include "retort/generate/diffusion_engine.h"
#include "retort/generate/engine.h"
#include "retort/generate/image_set.h"
#include "retort/generate/prompts.h"

namespace retort::generate {

// What `retort generate` is asked for.
struct GenerateConfig {
  PromptOptions prompts;
  std::string command;         // --engine: a program of the user's own; empty: stable-diffusion.cpp
  DiffusionOptions diffusion;  // for the latter
  SetPlan set;                 // its classes and engine settings come from the above
};

struct GenerateResult {
  int64_t made = 0, planned = 0;
  std::filesystem::path manifest;
};

// Makes the images of the set that are not there. Throws Error when something fails, and
// Interrupted, after the image at hand, when `stop` is set; both say how many are there, and what
// is there is listed in the manifest.
GenerateResult generate(const GenerateConfig& config, Log& log, const StopFlag& stop);

// The same with an engine of one's own.
GenerateResult generate(SetPlan plan, Engine& engine, Log& log, const StopFlag& stop);

}  // namespace retort::generate
