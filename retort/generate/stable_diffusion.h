#pragma once

#include <string>

#include "retort/generate/stable_diffusion_api.h"

namespace retort::generate::sd {

// Loads the shared library for the rest of the process. Throws std::runtime_error, saying why, when
// it does not load, lacks one of the functions, or is another version. To check the version, the
// library prints structs that were filled here, and every value must come out as it went in.
Functions load(const std::string& file);

}  // namespace retort::generate::sd
