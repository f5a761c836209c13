#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retort/generate/engine.h"
#include "retort/generate/image_file.h"
#include "retort/generate/prompts.h"

namespace retort::generate {

// One image of the set. It is a function of its class, its number and the set's seed alone, so that
// it can be made again without the others.
struct Picture {
  std::string path;  // LABEL/NUMBER.png or .jpg, relative to the set
  std::string label, prompt;
  int64_t seed = 0;
};

// Image `number` of a class. The class's prompts take turns; its seeds are consecutive, modulo
// 2^31, and the first is a hash of the set's seed and the label.
Picture picture(const ClassPrompts& of, int64_t number, uint64_t set_seed, Format format);

// How the image was made, in the form that image tools read: the prompt, a line "Negative prompt:
// …" where there is one, and a line "Seed: 3, Engine: …, Steps: 20, …, Version: retort …".
std::string parameters(const Picture& picture, const std::string& negative_prompt,
                       const Settings& settings);

// The manifest's header and its row for a picture: path, label, split (train), prompt,
// negative_prompt, seed, and the settings.
std::string manifest_header(const Settings& settings);
std::string manifest_row(const Picture& picture, const std::string& negative_prompt,
                         const Settings& settings);

}  // namespace retort::generate
