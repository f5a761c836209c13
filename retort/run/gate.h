#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "retort/core/log.h"
#include "retort/run/config.h"

namespace retort::run {

// Settings of the gate, which sets aside generated images that a teacher does not recognise as the
// class that they are meant to show.
struct GateConfig {
  RunConfig base;                // data, teacher and their options; `out` for the page
  std::filesystem::path images;  // one folder a class, as for `--extra`
  int64_t top = 1;               // the image's class must be among this many most probable ones
  double unsure = 0.05;          // [0, 1): and its probability at least this quantile of
                                 // those of real validation images; 0: any
  double duplicate = 0.99;       // (0, 1]: an image more similar to a kept one than this share of
                            // real images to their nearest neighbour is a duplicate; 1: none is
};

// Scores the images with the fitted teacher. Writes the list of those to set aside to kRejectedFile
// beside them (data/extra.h), and gate.html and gate.json to `out`. Returns the counts: {"kept",
// "other_class", "unsure", "duplicate", "unlabelled", "probability", "similarity"}. Images whose
// folder is not a class of the data are counted and not judged. Throws UsageError on values out of
// range, Error on other failures.
nlohmann::json gate(const GateConfig& config, Log& log, const StopFlag& stop);

}  // namespace retort::run
