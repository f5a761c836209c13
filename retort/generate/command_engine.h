#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retort/generate/engine.h"

namespace retort::generate {

constexpr const char* kScratchStart = ".retort-";  // of the names of files in `scratch`

// A program of the user's own, run once for each image: words with {prompt}, {negative_prompt},
// {class}, {seed} and {out}, which are filled in within a word, never split and never seen by a
// shell. {out} is a file in the folder `scratch`; what the program leaves there (PNG, JPEG or WebP)
// is the image. Throws UsageError when the words lack {prompt} or {out}, or hold another {name}.
std::unique_ptr<Engine> make_command_engine(const std::string& command,
                                            const std::filesystem::path& scratch);

// As a shell would, with '…', "…" and \ and nothing else. Throws UsageError on a quote that is not
// closed.
std::vector<std::string> split_words(const std::string& command);

}  // namespace retort::generate
