#pragma once

#include <string>

#include "retort/generate/stable_diffusion_api.h"

namespace retort::generate::sd {

// Loads the shared library, for the rest of the process. Throws std::runtime_error, saying why,
// when it does not load, lacks one of the functions, or was built from another version: its structs
// are filled by its own functions and read back by its own functions, and what comes out must be
// what went in.
Functions load(const std::string& file);

}  // namespace retort::generate::sd
