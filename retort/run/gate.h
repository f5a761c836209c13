#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::run {

// Generated images that a teacher does not take for what they are meant to be do more harm than
// good.
struct GateConfig {
  RunConfig base;                // data, the teacher and what belongs to it; `out` for the page
  std::filesystem::path images;  // one folder a class, as `--extra` takes it
  int64_t top = 1;               // the teacher must place an image's class among so many
  double unsure = 0.05;     // [0, 1): and give it more probability than it gives this share of real
                            // validation images; 0: any
  double duplicate = 0.99;  // (0, 1]: real images are less alike, by their features, than this
                            // share of nearest neighbours; 1: none are
};

// Scores the images with the fitted teacher and writes those to set aside into kRejectedFile beside
// them (data/extra.h), gate.html and gate.json into `out`. Returns the counts: {"kept",
// "other_class", "unsure", "duplicate", "unlabelled", "probability", "similarity"}. Images whose
// folder is no class of the data are counted and left alone. Throws UsageError on values out of
// range, Error on what goes wrong.
nlohmann::json gate(const GateConfig& config, Log& log, const StopFlag& stop);

}  // namespace retort::run
