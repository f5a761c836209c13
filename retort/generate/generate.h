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

// The options of `retort generate`.
struct GenerateConfig {
  PromptOptions prompts;
  std::string command;         // --engine: a program of the user's own; empty: stable-diffusion.cpp
  DiffusionOptions diffusion;  // for the latter
  SetPlan set;                 // `classes` and `engine` are filled in from the above
};

struct GenerateResult {
  int64_t made = 0, planned = 0;
  std::filesystem::path manifest;
};

// Makes the images of the set that are missing. Throws UsageError on invalid options, Error when
// something fails, and Interrupted when `stop` is set, after the image that is being made. Once the
// engine has started, Error and Interrupted say how many images there are; all of these are listed
// in the manifest.
GenerateResult generate(const GenerateConfig& config, Log& log, const StopFlag& stop);

// The same with any engine. plan.classes must be filled in.
GenerateResult generate(SetPlan plan, Engine& engine, Log& log, const StopFlag& stop);

}  // namespace retort::generate
