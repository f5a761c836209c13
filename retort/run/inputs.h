#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "retort/core/log.h"
#include "retort/data/manifest.h"
#include "retort/run/plan.h"

namespace retort::run {

// What a run is made of, beside its settings. A result is reused, and an unfinished run is gone on
// with, only where this is the same.
struct Inputs {
  std::string version;                // of the program
  std::string data;                   // data::content_hash, and the file of --classes
  std::vector<std::string> teachers;  // of each, its weights' hash, and on the hub its commit
  std::string student_weights;        // the same; empty: random ones
  std::vector<std::string> extras;    // data::content_hash of each --extra

  bool operator==(const Inputs&) const = default;
};

// As they are now; `manifest` is that of the plan's data. Nothing is asked of the hub: a teacher
// that is not in its cache has no hash yet. Throws what reading an extra's folder throws.
Inputs inputs_of(const Plan& plan, const data::Manifest& manifest, Log& log, const StopFlag& stop);

// In words, which of them differ: "the data, the teacher". Empty where none does.
std::string differences(const Inputs& before, const Inputs& now);

nlohmann::json to_json(const Inputs& inputs);
// Of what an older program wrote: inputs that equal none.
Inputs inputs_from(const nlohmann::json& json);

}  // namespace retort::run
